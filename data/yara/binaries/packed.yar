/* What an executable was made with. These describe, they do not accuse: severity 0. */

rule UPX_packed
{
    meta:
        author = "fledge"
        description = "Executable packed with UPX: its header stands in the first pages"
        severity = 0
    strings:
        $header = "UPX!"
        $section0 = "UPX0\x00"
        $section1 = "UPX1\x00"
        $elf = "$Info: This file is packed with the UPX executable packer"
    condition:
        (uint16(0) == 0x5A4D and 2 of ($header, $section0, $section1) and @section0[1] < 0x800)
        or (uint32(0) == 0x464C457F and $header and $elf)
}

rule Protector_sections
{
    meta:
        author = "fledge"
        description = "Executable whose section names are those of a protector or a packer"
        severity = 0
    strings:
        $vmp = ".vmp0\x00\x00\x00"
        $vmp1 = ".vmp1\x00\x00\x00"
        $themida = ".themida"
        $winlicense = ".winlice"
        $aspack = ".aspack\x00"
        $mpress = ".MPRESS1"
        $petite = ".petite\x00"
        $enigma = ".enigma1"
        $nspack = ".nsp0\x00\x00\x00"
    condition:
        uint16(0) == 0x5A4D and for any of them : ($ in (0x100..0x800))
}

rule PyInstaller_installer
{
    meta:
        author = "fledge"
        description = "Python program bundled by PyInstaller: the cookie of its archive is at the end"
        severity = 0
    strings:
        $cookie = { 4D 45 49 0C 0B 0A 0B 0E }
    condition:
        (uint16(0) == 0x5A4D or uint32(0) == 0x464C457F) and $cookie in (filesize - 4096..filesize)
}

rule NSIS_installer
{
    meta:
        author = "fledge"
        description = "Installer made with NSIS: the first header of its data"
        severity = 0
    strings:
        $first = { EF BE AD DE 4E 75 6C 6C 73 6F 66 74 49 6E 73 74 }
    condition:
        uint16(0) == 0x5A4D and $first
}

rule AutoIt_compiler
{
    meta:
        author = "fledge"
        description = "Compiled AutoIt script: the mark of its archive"
        severity = 0
    strings:
        $archive = { A3 48 4B BE 98 6C 4A A9 99 4C 53 0A 86 D6 48 7D 41 55 33 21 }
    condition:
        $archive
}
