"""The family of a sample by the majority of the names that engines give it.

A label such as `Win32/Emotet.BN!tr` is split into words; what says a platform, a kind of malware, a method of
detection or a variant is let go, and each word that is left gets a vote. Engines that give one and the same label
have it from one another and vote once.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

VOTES_NEEDED = 2
_SHOWN = 10
_LABEL_LENGTH = 200
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]{3,}")
_VARIANT = re.compile(r"[0-9a-f]+|[a-z]{0,2}[0-9]+[a-z0-9]*|.*[0-9]{3,}.*|cve.*")
"""Hashes, versions, serial numbers and vulnerabilities, which are no names of families."""
_PLATFORMS = """
android androidos apple autoit bash boot html iphoneos java javascript jscript linux macos macosx mono
msexcel msil msoffice msword multi o97m office perl powershell python scrinject script shell symbos unix
vbscript visualbasic w32 w64 w97m win32 win64 windows worddoc x97m xls
"""
_KINDS = """
adware application backdoor banker banking bootkit bots clicker coinminer crypter cryptominer damaged ddos
dialer dldr domain downldr downloader dropper exploit fakealert fakeav file filerepmalware grayware hacktool
infected infector infostealer inject injected injection injector joke keylog keylogger loader locker
malicious malw malware miner monitor monitoringtool packed packer password passwordstealer phish phishing
program proxy pswtool ransom ransomware rat redirector riskware rogue rootkit script site sites spam spammer
spy spyware spyzilla stealer suspected suspicious tool toolbar trjn troj trojan trojanbanker
trojandownloader trojandropper trojanproxy trojanpsw trojanransom trojanspy trojware unwanted virtool virus
viruses virustotal website webtoolbar worm
"""
_METHODS = """
agen agent agentb aidetect aidetectmalware aidetectvm artemis attribute based behav behaveslike behavior
bscope classic clean cloud confidence cont corrupt crypt cryptik deepscan delete detected detection eldorado
encoded encrypted evasion fakems filerep gen gena generic generickd generickdz genericrxaa genetic
genkryptik graftor graywr hackkms heur heuristic heuristics hfsautob high highconfidence internet kazy
kcloud krypt kryptik lookslike lowfi malform malformed malgent malicioushighconfidence malob mauvaise
maximus moderate moderateconfidence modified obfus obfuscated obfuscation obfuscator obfustream patched
possible possiblethreat predicted probably qvm razy rtfmalform rtfobfuscation rtfobfustream sabsik sample
save score shellcode static susgen suspect swrort tiggre trojangen tscope unclassified undefined unknown
unsafe unsigned ursu uwasson variant wacapew wacatac wisdomeyes zusy
"""
_GENERIC = frozenset(f"{_PLATFORMS} {_KINDS} {_METHODS}".split())


def families(verdicts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the names by votes, most first: `family`, `count` and the `engines` that use it.

    `verdicts` maps engines to records with `result`, the label, or None.
    """
    votes: dict[str, set[str]] = defaultdict(set)
    engines: dict[str, list[str]] = defaultdict(list)
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for engine, label in _labels(verdicts):
        for name, word in {word.lower(): word for word in family_words(label)}.items():
            votes[name].add(_essence(label))
            engines[name].append(engine)
            spellings[name][word] += 1
    ranked = sorted(votes, key=lambda name: (-len(votes[name]), -len(engines[name]), name))
    return [
        {
            "family": spellings[name].most_common(1)[0][0],
            "count": len(votes[name]),
            "engines": engines[name],
        }
        for name in ranked[:_SHOWN]
    ]


def winner(ranked: list[dict[str, Any]]) -> str | None:
    """Return the family that two labels or more name, and more than any other; None if there is none."""
    if not ranked or ranked[0]["count"] < VOTES_NEEDED:
        return None
    if len(ranked) > 1 and ranked[1]["count"] == ranked[0]["count"]:
        return None
    return str(ranked[0]["family"])


def family_words(label: str) -> Iterator[str]:
    """Yield the words of a label that may be the name of a family, as spelled."""
    for word in _WORD.findall(label[:_LABEL_LENGTH]):
        lower = word.lower()
        if lower not in _GENERIC and not _VARIANT.fullmatch(lower):
            yield word


def _labels(verdicts: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for engine, verdict in verdicts.items():
        label = verdict.get("result")
        if verdict.get("detected") and isinstance(label, str):
            yield engine, label


def _essence(label: str) -> str:
    """Return what identical labels of related engines have in common: Emsisoft adds "(B)"."""
    return label.lower().removesuffix("(b)").strip()
