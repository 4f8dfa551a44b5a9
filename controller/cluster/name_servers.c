#include "controller/cluster/name_servers.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "dnsupdate/dns.h"

enum { PATH_BYTES = 400, TEXT_BYTES = DNS_NAME_BYTES + DNS_OTHERS_BYTES + 2 };

static void path_of(const char *directory, char ret_path[PATH_BYTES])
{
    (void)str_printf(ret_path, PATH_BYTES, "%s/name-servers", directory);
}

/* "10.77.0.12", "10.77.0.12:53", "[fd00::2]:53" -> the address alone */
static void address_of(const char *server, char ret_ip[DNS_ADDRESS_BYTES])
{
    const char *colon = strchr(server, ':');

    if (*server == '[')
        (void)str_printf(ret_ip, DNS_ADDRESS_BYTES, "%.*s", (int)strcspn(server + 1, "]"),
                         server + 1);
    else if (colon && !strchr(colon + 1, ':'))
        (void)str_printf(ret_ip, DNS_ADDRESS_BYTES, "%.*s", (int)(colon - server), server);
    else
        (void)str_copy(ret_ip, DNS_ADDRESS_BYTES, server);
}

/* All that the survey asked but the primary, comma-separated; what does not fit stays out. */
static void list(const struct dns_zone *z, const struct dns_survey *s,
                 char ret_text[DNS_OTHERS_BYTES])
{
    char primary[DNS_ADDRESS_BYTES], ip[DNS_ADDRESS_BYTES];

    ret_text[0] = '\0';
    address_of(z->server, primary);
    for (size_t i = 0; i < s->n; i++) {
        size_t used = strlen(ret_text);

        address_of(s->ns[i].view.server, ip);
        if (strcmp(ip, "?") != 0 && strcmp(ip, primary) != 0 &&
            used + strlen(ip) + 2 < DNS_OTHERS_BYTES)
            (void)str_printf(ret_text + used, DNS_OTHERS_BYTES - used, "%s%s", used ? "," : "", ip);
    }
}

void name_servers_keep(const char *directory, const struct dns_zone *z, const struct dns_survey *s)
{
    AUTO(arena) a = arena_new();
    char path[PATH_BYTES], others[DNS_OTHERS_BYTES], text[TEXT_BYTES], *kept;

    if (!s->names_known)
        return;
    list(z, s, others);
    path_of(directory, path);
    (void)STR_PRINTF(text, "%s %s\n", z->zone, others);
    if (file_read(path, TEXT_BYTES, a, &kept, NULL, NULL) < 0 || strcmp(kept, text) != 0)
        file_replace(path, text, strlen(text), 0644, NULL);
}

void name_servers_recall(const char *directory, struct dns_zone *z)
{
    AUTO(arena) a = arena_new();
    char path[PATH_BYTES], *text;
    size_t zone = strlen(z->zone);

    path_of(directory, path);
    if (z->others[0] || file_read(path, TEXT_BYTES, a, &text, NULL, NULL) < 0 ||
        strncmp(text, z->zone, zone) != 0 || text[zone] != ' ')
        return;
    text[strcspn(text, "\n")] = '\0';
    (void)STR_COPY(z->others, text + zone + 1);
    z->others_kept = true;
}
