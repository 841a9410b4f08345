/* Programs that read secrets, as they look while they run. */

rule Mimikatz_memory
{
    meta:
        author = "fledge"
        description = "Commands of Mimikatz in memory"
        family = "Mimikatz"
        severity = 3
    strings:
        $command1 = "sekurlsa::" ascii wide
        $command2 = "kerberos::" ascii wide
        $command3 = "lsadump::" ascii wide
        $module = "privilege::debug" ascii wide
        $author = "gentilkiwi" ascii wide
    condition:
        3 of them
}
