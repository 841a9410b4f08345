/* Scripts that fetch or hide what they run. */

rule PowerShell_download_and_run
{
    meta:
        author = "fledge"
        description = "PowerShell that downloads text and runs it"
        severity = 3
    strings:
        $fetch1 = ".DownloadString(" ascii wide nocase
        $fetch2 = ".DownloadData(" ascii wide nocase
        $fetch3 = "Invoke-WebRequest" ascii wide nocase
        $run1 = "Invoke-Expression" ascii wide nocase
        $run2 = /\bIEX[\s(]/ ascii wide nocase
        $run3 = "[Reflection.Assembly]::Load" ascii wide nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5A4D and any of ($fetch*) and any of ($run*)
}

rule PowerShell_encoded_command
{
    meta:
        author = "fledge"
        description = "Command line with a PowerShell command in Base64"
        severity = 2
    strings:
        $command = /powershell(\.exe)?["']?[\s\^]{1,8}[^\r\n]{0,120}-e(nc|nco|ncodedcommand|c)?\s{1,4}["']?[A-Za-z0-9+\/]{40}/ ascii wide nocase
    condition:
        filesize < 4MB and $command
}

rule Script_writes_and_runs_executable
{
    meta:
        author = "fledge"
        description = "Script that saves bytes with ADODB.Stream and starts a program"
        severity = 3
    strings:
        $stream = "ADODB.Stream" nocase
        $save = "SaveToFile" nocase
        $run1 = "WScript.Shell" nocase
        $run2 = "Shell.Application" nocase
        $fetch = "XMLHTTP" nocase
    condition:
        filesize < 2MB and uint16(0) != 0x5A4D and $stream and $save and $fetch and any of ($run*)
}
