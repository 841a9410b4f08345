/* What code that was put into a process looks like there. */

rule Shellcode_resolves_by_hash
{
    meta:
        author = "fledge"
        description = "Code that walks the process's modules and finds functions by a hash of their names (rotate by 13)"
        severity = 3
    strings:
        $x86 = { 64 ( A1 | 8B 15 | 8B 0D | 8B 1D | 8B 35 | 8B 3D ) 30 00 00 00 [0-160] C1 ( C? | D? | E? ) 0D ( 01 | 03 ) }
        $x86_short = { 64 8B ( 50 | 52 | 40 | 41 | 51 | 70 | 71 ) 30 [0-160] C1 C? 0D ( 01 | 03 ) }
        $x64 = { 65 48 8B ( 04 | 0C | 14 | 1C ) 25 60 00 00 00 [0-200] 41 C1 C9 0D 41 01 C1 }
        $x64_short = { 65 48 8B ( 52 | 50 | 58 | 40 | 49 | 42 ) 60 [0-200] 41 C1 C9 0D 41 01 C1 }
    condition:
        any of them
}

rule Reflective_loader
{
    meta:
        author = "fledge"
        description = "Exported name of a library that loads itself from memory"
        severity = 3
    strings:
        $name1 = "ReflectiveLoader\x00"
        $name2 = "_ReflectiveLoader@4\x00"
        $dll = "reflective_dll.dll\x00"
    condition:
        any of them
}

rule Meterpreter_memory
{
    meta:
        author = "fledge"
        description = "Names inside Meterpreter's server library"
        family = "Meterpreter"
        severity = 3
    strings:
        $library1 = "metsrv.dll\x00"
        $library2 = "ext_server_stdapi"
        $call1 = "core_channel_open\x00"
        $call2 = "core_loadlib\x00"
        $call3 = "stdapi_sys_process_execute\x00"
    condition:
        2 of them
}

rule CobaltStrike_configuration
{
    meta:
        author = "fledge"
        description = "Table of settings of a Cobalt Strike beacon, in clear or under its usual keys 0x69 and 0x2e"
        family = "CobaltStrike"
        severity = 3
    strings:
        // index, kind (1 = 16 bits, 2 = 32 bits), size: protocol, port, sleep time
        $clear = { 00 01 00 01 00 02 ?? ?? 00 02 00 01 00 02 ?? ?? 00 03 00 02 00 04 ?? ?? ?? ?? }
        $key_69 = { 69 68 69 68 69 6B ?? ?? 69 6B 69 68 69 6B ?? ?? 69 6A 69 6B 69 6D ?? ?? ?? ?? }
        $key_2e = { 2E 2F 2E 2F 2E 2C ?? ?? 2E 2C 2E 2F 2E 2C ?? ?? 2E 2D 2E 2C 2E 2A ?? ?? ?? ?? }
    condition:
        any of them
}
