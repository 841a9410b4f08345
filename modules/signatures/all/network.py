"""Traffic: services that malware talks through, odd ports and protocols, names made by algorithms."""

import ipaddress
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.patterns import MOST_HITS, CallSignature, alternatives

_USUAL_PORTS = frozenset(
    {21, 22, 25, 43, 53, 80, 110, 123, 143, 443, 465, 587, 853, 993, 995, 5222, 8080, 8443}
)
_EXECUTABLE = re.compile(r"\.(?:exe|dll|scr|ps1|bat|cmd|vbs|hta|jar|msi|sh|elf)(?:[?#]|$)", re.IGNORECASE)


def _is_public(address: object) -> bool:
    try:
        return ipaddress.ip_address(str(address)).is_global
    except ValueError:
        return False


class NetworkSignature(Signature):
    """What the signatures of this file share: names and public addresses that were talked to."""

    def names(self) -> list[str]:
        """Return the names asked for or named in requests, in lower case, each once."""
        network = self.results["network"]
        found = [
            *(record.get("request") for record in network["dns"]),
            *(record.get("domain") for record in network["domains"] if isinstance(record, dict)),
            *(record.get("host") for record in network["http"]),
            *(record.get("sni") or record.get("server_name") for record in network["tls"]),
        ]
        return list(dict.fromkeys(str(name).lower().rstrip(".") for name in found if name))

    def names_like(self, expression: re.Pattern[str]) -> Iterator[str]:
        """Yield the names that fit an expression."""
        return (name for name in self.names() if expression.search(name))

    def resolved(self) -> set[str]:
        """Return the addresses that came as answers to questions for names."""
        network = self.results["network"]
        answers = (answer for record in network["dns"] for answer in record.get("answers") or ())
        domains = (record.get("ip") for record in network["domains"] if isinstance(record, dict))
        return {str(answer.get("data")) for answer in answers} | {str(ip) for ip in domains if ip}

    def flows(self, *protocols: str) -> Iterator[dict[str, Any]]:
        """Yield the flows to public addresses."""
        for protocol in protocols:
            yield from (flow for flow in self.results["network"][protocol] if _is_public(flow.get("dst")))

    def collect(self, kind: str, values: Iterable[object]) -> bool:
        """Put different values into `data`, the first hundred, and tell whether there were any."""
        self.data.extend({kind: value} for value in islice(dict.fromkeys(values), MOST_HITS))
        return self.has_matches()


class RawSocket(CallSignature):
    """A socket is opened past the transport protocols.

    Known false positives: ping and trace tools; a few VPN clients.
    """

    name = "raw_socket"
    description = "Opens a raw socket"
    severity = 2
    confidence = 80
    categories = ["network", "command_and_control"]
    ttps = ["T1095"]
    filter_apinames = {"socket", "WSASocketW", "WSASocketA"}
    _raw = 3

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match SOCK_RAW."""
        if self.number(call, "type") != self._raw:
            return False
        self.mark_call()
        return True


class DnsOverHttps(NetworkSignature):
    """A public resolver is asked through HTTPS, where nobody on the way can see the question.

    Known false positives: browsers that do so by default.
    """

    name = "dns_over_https"
    description = "Resolves names through HTTPS"
    severity = 2
    confidence = 60
    categories = ["network", "command_and_control"]
    ttps = ["T1071.004", "T1572"]
    _resolvers = re.compile(
        r"^(?:dns\.google|dns64\.dns\.google|(?:[\w-]+\.)?cloudflare-dns\.com|one\.one\.one\.one|dns\.quad9\.net"
        r"|dns\.adguard(?:-dns)?\.com|doh\.[\w.-]+|dns\.nextdns\.io|dns\.alidns\.com|doh\.pub)$"
    )

    def run(self) -> bool:
        """Look for the resolvers' names."""
        return self.collect("domain", self.names_like(self._resolvers))


class Tor(NetworkSignature):
    """A hidden service, a gateway to them or the Tor program itself is used.

    Known false positives: the user's own Tor browser.
    """

    name = "tor"
    description = "Uses the Tor network"
    severity = 3
    confidence = 85
    categories = ["network", "command_and_control"]
    ttps = ["T1090.003"]
    _names = re.compile(
        r"\.onion$|(?:^|\.)(?:torproject\.org|tor2web\.\w+|onion\.(?:to|ws|cab|link|city|pet|ly|direct|sh|casa))$"
    )
    _program = r"(?:^|.*[\\/\"])tor(?:\.exe)?\"?(?:\s+-f|\s+--|$)"

    def run(self) -> bool:
        """Look at names and commands."""
        commands = self.check_executed_command(self._program, regex=True, all=True) or ()
        self.data.extend({"command": command} for command in sorted(commands))
        return self.collect("domain", self.names_like(self._names))


class UnusualPort(NetworkSignature):
    """A public address is talked to on a port that common services do not use.

    Known false positives: games, peer-to-peer and conference programs.
    """

    name = "unusual_port"
    description = "Talks to a public address on an unusual port"
    severity = 2
    confidence = 50
    categories = ["network", "command_and_control"]
    ttps = ["T1571"]
    _dynamic = 49152

    def run(self) -> bool:
        """Look at TCP flows; one whose source port is a service's is an answer, and does not count."""
        flows = (flow for flow in self.flows("tcp") if int(flow.get("sport", 0)) not in _USUAL_PORTS)
        ports = ((flow["dst"], int(flow.get("dport", 0))) for flow in flows)
        return self.collect("endpoint", (f"{dst}:{port}" for dst, port in ports if port and self._odd(port)))

    def _odd(self, port: int) -> bool:
        return port not in _USUAL_PORTS and port < self._dynamic


class GeneratedNames(NetworkSignature):
    """Many names that look random were asked for, most of them in vain.

    Known false positives: names of content networks and of telemetry, which get answers.
    """

    name = "generated_domain_names"
    description = "Asks for many names that an algorithm made"
    severity = 3
    confidence = 70
    categories = ["network", "command_and_control"]
    ttps = ["T1568.002"]
    _least = 5

    def run(self) -> bool:
        """Count random-looking names without an answer."""
        unanswered = (
            str(record.get("request", "")).lower().rstrip(".")
            for record in self.results["network"]["dns"]
            if not any(answer.get("type") in {"A", "AAAA"} for answer in record.get("answers") or ())
        )
        names = [name for name in dict.fromkeys(unanswered) if _looks_random(name)]
        return len(names) >= self._least and self.collect("domain", names)


def _looks_random(name: str) -> bool:
    """Tell whether the registered part of a name has the spread of letters that words do not have."""
    labels = name.split(".")
    if len(labels) < 2 or labels[-1] in {"arpa", "local", "lan"}:
        return False
    label = labels[-2] if len(labels[-2]) > 3 else labels[0]
    counts = Counter(label)
    entropy = -sum(n / len(label) * math.log2(n / len(label)) for n in counts.values()) if label else 0.0
    vowels = sum(counts[vowel] for vowel in "aeiouy") / max(1, len(label))
    longest = max(map(len, re.findall(r"[bcdfghjklmnpqrstvwxz0-9]+", label)), default=0)
    return len(label) >= 10 and entropy > 2.9 and (vowels < 0.25 or longest >= 5)


class DirectAddress(NetworkSignature):
    """Public addresses are talked to for which no name was resolved.

    Known false positives: peer-to-peer programs; names resolved before the capture began.
    """

    name = "direct_address"
    description = "Talks to addresses without resolving a name"
    severity = 1
    confidence = 40
    categories = ["network", "command_and_control"]
    ttps = ["T1095"]
    _resolvers = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"})

    def run(self) -> bool:
        """Compare the destinations of TCP flows with what the resolver answered."""
        known = self.resolved() | self._resolvers
        hosts = (flow["dst"] for flow in self.flows("tcp") if int(flow.get("sport", 0)) not in _USUAL_PORTS)
        return self.collect("ip", (host for host in hosts if host not in known))


class HttpToAddress(NetworkSignature):
    """A web request names an address instead of a host, or fetches a program.

    Known false positives: devices in the local network, which do not count; updaters fetch programs by name.
    """

    name = "http_to_address"
    description = "Sends web requests to a bare address"
    severity = 2
    confidence = 70
    categories = ["network", "command_and_control"]
    ttps = ["T1071.001"]

    def run(self) -> bool:
        """Look at the hosts of requests."""
        requests = self.results["network"]["http"]
        bare = (r for r in requests if _is_public(str(r.get("host", "")).partition(":")[0]))
        return self.collect("uri", (str(request.get("uri", request.get("host"))) for request in bare))


class DownloadsProgram(NetworkSignature):
    """A program is fetched by plain HTTP.

    Known false positives: updaters of old programs.
    """

    name = "downloads_program"
    description = "Fetches a program by HTTP"
    severity = 2
    confidence = 70
    categories = ["network", "command_and_control"]
    ttps = ["T1105"]

    def run(self) -> bool:
        """Look at the paths of requests."""
        uris = (str(request.get("uri", "")) for request in self.results["network"]["http"])
        return self.collect("uri", (uri for uri in uris if _EXECUTABLE.search(uri)))


class SendsMail(NetworkSignature):
    """Mail is sent without a mail program.

    Known false positives: programs that report by mail.
    """

    name = "sends_mail"
    description = "Sends mail"
    severity = 3
    confidence = 70
    categories = ["network"]
    ttps = ["T1071.003"]

    def run(self) -> bool:
        """Look at SMTP and at flows to the ports for mail."""
        self.data.extend(
            {"smtp": str(record.get("dst", record))[:200]} for record in self.results["network"]["smtp"]
        )
        flows = (
            f"{flow['dst']}:{flow['dport']}"
            for flow in self.flows("tcp")
            if flow.get("dport") in {25, 465, 587}
        )
        return self.collect("endpoint", flows)


class Irc(NetworkSignature):
    """A chat network of the old kind is used, by which botnets were led.

    Known false positives: chat programs.
    """

    name = "irc"
    description = "Uses IRC"
    severity = 3
    confidence = 80
    categories = ["network", "command_and_control"]
    ttps = ["T1071"]

    def run(self) -> bool:
        """Look at what the capture was read as."""
        said = (f"{line.get('command')} {line.get('params', '')}" for line in self.results["network"]["irc"])
        return self.collect("irc", (line[:200] for line in said))


class DeadHosts(NetworkSignature):
    """Several addresses are called that do not answer.

    Known false positives: analyses without a way to the Internet, where nothing answers.
    """

    name = "dead_hosts"
    description = "Calls several addresses that do not answer"
    severity = 2
    confidence = 50
    categories = ["network", "command_and_control"]
    ttps = ["T1008"]
    _least = 3

    def run(self) -> bool:
        """Count public addresses."""
        dead = {host[0] for host in self.results["network"]["dead_hosts"] if host and _is_public(host[0])}
        return len(dead) >= self._least and self.collect("ip", sorted(dead))


class WebServices(NetworkSignature):
    """A public service is used that anybody may leave commands or data on.

    Known false positives: programs made for these services; browsing.
    """

    name = "abuses_web_service"
    description = "Talks to a chat, paste or tunnel service"
    severity = 2
    confidence = 60
    categories = ["network", "command_and_control", "exfiltration"]
    ttps = ["T1102", "T1567"]
    _services = re.compile(
        r"(?:^|\.)(?:api\.telegram\.org|discord(?:app)?\.com|pastebin\.com|paste\.ee|hastebin\.com|rentry\.co"
        r"|transfer\.sh|anonfiles\.com|gofile\.io|file\.io|ngrok\.io|ngrok-free\.app|serveo\.net|trycloudflare\.com"
        r"|raw\.githubusercontent\.com|webhook\.site|pipedream\.net|portmap\.(?:io|host))$"
    )

    def run(self) -> bool:
        """Look for the services' names."""
        return self.collect("domain", self.names_like(self._services))


class DynamicDns(NetworkSignature):
    """A name of a free provider of dynamic names is asked for.

    Known false positives: users' own servers at home.
    """

    name = "dynamic_dns"
    description = "Asks for a dynamic name"
    severity = 2
    confidence = 70
    categories = ["network", "command_and_control"]
    ttps = ["T1568"]
    _providers = re.compile(
        r"\.(?:duckdns\.org|no-ip\.(?:org|biz|info|com)|ddns\.net|hopto\.org|zapto\.org|sytes\.net|myftp\.(?:org|biz)"
        r"|dyndns\.(?:org|info)|dynu\.net|serveftp\.com|servehttp\.com|freedns\.afraid\.org|chickenkiller\.com"
        r"|mooo\.com|publicvm\.com|kozow\.com|theworkpc\.com)$"
    )

    def run(self) -> bool:
        """Look for the providers' names."""
        return self.collect("domain", self.names_like(self._providers))


class OwnAddress(NetworkSignature):
    """A service is asked for the machine's public address.

    Known false positives: router tools, games.
    """

    name = "asks_for_own_address"
    description = "Asks a service for its public address"
    severity = 2
    confidence = 70
    categories = ["network", "discovery"]
    ttps = ["T1016"]
    _services = re.compile(
        r"(?:^|\.)(?:ipify\.org|ipinfo\.io|ip-api\.com|icanhazip\.com|ifconfig\.(?:me|co)|checkip\.(?:dyndns\.(?:org|com)"
        r"|amazonaws\.com)|whatismyip(?:address)?\.com|myexternalip\.com|ip-adress\.com|ipecho\.net|wtfismyip\.com"
        r"|ident\.me|api\.ip\.sb|freegeoip\.\w+|geoplugin\.net|iplogger\.org|db-ip\.com)$"
    )

    def run(self) -> bool:
        """Look for the services' names."""
        return self.collect("domain", self.names_like(self._services))


class MiningPool(NetworkSignature):
    """A pool of cryptocurrency miners is asked for.

    Known false positives: miners that the user wants.
    """

    name = "mining_pool"
    description = "Talks to a mining pool"
    severity = 3
    confidence = 85
    categories = ["network", "impact"]
    ttps = ["T1496"]
    _pools = re.compile(
        r"(?:^|\.)(?:minergate\.com|minexmr\.com|supportxmr\.com|nanopool\.org|nicehash\.com|moneroocean\.stream"
        r"|dwarfpool\.com|ethermine\.org|f2pool\.com|2miners\.com|hashvault\.pro|coinhive\.com|coin-hive\.com"
        r"|crypto-pool\.fr|c3pool\.(?:com|org)|unmineable\.com)$"
    )

    def run(self) -> bool:
        """Look for the pools' names."""
        return self.collect("domain", self.names_like(self._pools))


class ScansNetwork(NetworkSignature):
    """One port is tried on many addresses, as a worm does.

    Known false positives: inventory tools.
    """

    name = "scans_network"
    description = "Tries one port on many addresses"
    severity = 3
    confidence = 75
    categories = ["network", "discovery", "lateral_movement"]
    ttps = ["T1046"]
    _least = 20
    _ports = frozenset({21, 22, 23, 135, 139, 445, 1433, 3306, 3389, 5432, 5555, 5900, 6379, 7547, 27017})

    def run(self) -> bool:
        """Count different destinations by port, local ones included."""
        tried: dict[int, set[str]] = defaultdict(set)
        for flow in self.results["network"]["tcp"]:
            if flow.get("dport") in self._ports:
                tried[flow["dport"]].add(str(flow.get("dst")))
        for port, hosts in sorted(tried.items()):
            if len(hosts) >= self._least:
                self.data.append({"port": port, "hosts": len(hosts)})
        return self.has_matches()


class SuricataAlert(Signature):
    """The intrusion detection saw malware or command and control.

    Known false positives: those of the rules; alerts on policy and protocol oddities do not count.
    """

    name = "suricata_alert"
    description = "Traffic that intrusion detection knows as malicious"
    severity = 3
    confidence = 85
    categories = ["network", "command_and_control"]
    ttps = ["T1071"]
    _telling = alternatives([r"\b(?:malware|trojan|cnc|c2|ransomware|botnet|stealer|exploit|rat)\b"])

    def run(self) -> bool:
        """Collect the telling alerts, each once."""
        texts = (str(alert.get("signature", "")) for alert in self.results["suricata"]["alerts"])
        self.data.extend({"alert": text} for text in dict.fromkeys(texts) if self._telling.search(text))
        return self.has_matches()
