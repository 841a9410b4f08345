/* What is odd about a URL as such; the scanned data is the URL. */

rule URL_executable_from_address
{
    meta:
        author = "fledge"
        description = "Program fetched from a numeric address"
        severity = 2
    strings:
        $url = /^https?:\/\/\d{1,3}(\.\d{1,3}){3}(:\d{1,5})?\/[^?#]{0,200}\.(exe|dll|scr|ps1|vbs|js|hta|bat|sh|elf|apk|msi|bin)([?#]|$)/ nocase
    condition:
        $url
}

rule URL_with_credentials
{
    meta:
        author = "fledge"
        description = "Text before an @ that hides the real host"
        severity = 1
    strings:
        $url = /^https?:\/\/[^\/@?#]{1,200}@[^\/]/ nocase
    condition:
        $url
}

rule URL_international_name
{
    meta:
        author = "fledge"
        description = "Host with a label in Punycode, which can look like another name"
        severity = 1
    strings:
        $url = /^https?:\/\/([^\/@?#.]{1,63}\.){0,10}xn--/ nocase
    condition:
        $url
}

rule URL_carries_data
{
    meta:
        author = "fledge"
        description = "URL that holds a document or a script itself"
        severity = 2
    strings:
        $url = /^data:(text\/html|application\/[a-z0-9.+-]{1,60}|text\/javascript)[;,]/ nocase
        $script = /^javascript:/ nocase
    condition:
        any of them
}
