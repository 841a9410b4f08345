/* Families that text of their own gives away. */

rule EICAR_test_file
{
    meta:
        author = "fledge"
        description = "The harmless file that every antivirus product detects"
        family = "EICAR"
        severity = 1
    strings:
        // in two halves, so that these rules themselves are no EICAR file
        $text = { 58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D 24 45 49 43 41 52 }
    condition:
        $text at 0 and filesize < 256
}

rule Mimikatz_program
{
    meta:
        author = "fledge"
        description = "Commands and messages of Mimikatz, which reads passwords from memory"
        family = "Mimikatz"
        severity = 3
    strings:
        $command1 = "sekurlsa::" ascii wide
        $command2 = "kerberos::" ascii wide
        $command3 = "lsadump::" ascii wide
        $module1 = "logonpasswords" ascii wide nocase
        $module2 = "privilege::debug" ascii wide
        $author = "gentilkiwi" ascii wide
    condition:
        3 of them
}

rule Mirai_program
{
    meta:
        author = "fledge"
        description = "Shell commands that Mirai and its many descendants send to what they infect"
        family = "Mirai"
        severity = 3
    strings:
        $busybox = /\/bin\/busybox [A-Z]{3,12}\x00/
        $watchdog = "/dev/misc/watchdog"
        $proc = "/proc/net/tcp"
        $query = "TSource Engine Query"
    condition:
        uint32(0) == 0x464C457F and $busybox and 2 of ($watchdog, $proc, $query)
}

rule XMRig_program
{
    meta:
        author = "fledge"
        description = "Options and protocol of the XMRig miner"
        family = "XMRig"
        severity = 2
    strings:
        $pool = "stratum+tcp://" ascii wide
        $option1 = "donate-level" ascii wide
        $option2 = "randomx" ascii wide nocase
        $name = "xmrig" ascii wide nocase
    condition:
        $pool and $option1 and any of ($option2, $name)
}

rule Ransom_note
{
    meta:
        author = "fledge"
        description = "Text that says files are encrypted and asks for payment"
        severity = 3
    strings:
        $encrypted1 = /your (personal |important |network )?(files|documents|data) (have been|has been|are|were) encrypted/ ascii wide nocase
        $encrypted2 = "all of your files are encrypted" ascii wide nocase
        $pay1 = "bitcoin" ascii wide nocase
        $pay2 = "monero" ascii wide nocase
        $how1 = "tor browser" ascii wide nocase
        $how2 = "decrypt" ascii wide nocase
        $how3 = ".onion" ascii wide nocase
    condition:
        any of ($encrypted*) and any of ($pay*) and any of ($how*)
}
