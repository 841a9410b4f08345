/* Documents and shortcuts that start something. */

rule Document_runs_macro_commands
{
    meta:
        author = "fledge"
        description = "Text of a macro that runs by itself and starts a program"
        severity = 2
    strings:
        $auto1 = "AutoOpen" nocase fullword
        $auto2 = "Document_Open" nocase fullword
        $auto3 = "Workbook_Open" nocase fullword
        $auto4 = "Auto_Open" nocase fullword
        $attribute = "Attribute VB_Name"
        $start1 = "WScript.Shell" nocase
        $start2 = "powershell" nocase fullword
        $start3 = "Shell(" nocase
        $start4 = "ShellExecute" nocase fullword
        $start5 = "URLDownloadToFile" nocase
    condition:
        $attribute and any of ($auto*) and any of ($start*)
}

rule PDF_opens_with_action
{
    meta:
        author = "fledge"
        description = "PDF that runs JavaScript or starts a program when it is opened"
        severity = 2
    strings:
        $open = /\/(OpenAction|AA)[\s\/<\[\d]/
        $launch = /\/S\s{0,4}\/Launch[\s\/>]/
        $script = /\/S\s{0,4}\/JavaScript[\s\/>]/
    condition:
        uint32(0) == 0x46445025 and $open and ($launch or $script)
}

rule RTF_updates_objects
{
    meta:
        author = "fledge"
        description = "RTF with an embedded object that loads without a click, the way of Equation Editor exploits"
        severity = 3
    strings:
        $update = "\\objupdate"
        $data = "\\objdata"
        $equation = "4571756174696f6e2e33" nocase
        $ole = "d0cf11e0a1b11ae1" nocase
    condition:
        uint32(0) == 0x74725C7B and $data and $update and any of ($equation, $ole)
}

rule Shortcut_starts_interpreter
{
    meta:
        author = "fledge"
        description = "Shortcut (LNK) whose arguments are for an interpreter"
        severity = 2
    strings:
        $header = { 4C 00 00 00 01 14 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
        $powershell = "powershell" ascii wide nocase
        $command = "cmd.exe" ascii wide nocase
        $mshta = "mshta" ascii wide nocase
        $script = "wscript" ascii wide nocase
        $remote = "http" ascii wide nocase
        $encoded = /-e(nc|ncodedcommand)?\s/ ascii wide nocase
        $hidden = /-w(indowstyle)?\s{1,4}h/ ascii wide nocase
    condition:
        $header at 0 and any of ($powershell, $command, $mshta, $script) and any of ($remote, $encoded, $hidden)
}
