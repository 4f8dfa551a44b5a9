#include "controller/journal/who.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* loginuid of what no login began: (uid_t)-1 */
static const long long nobody_logged_in = UINT32_MAX;

/* Text that came from the environment: only what a journal can keep, and no control characters. */
static void put(json_t *who, const char *key, const char *text)
{
    char plain[128];
    size_t n = 0;

    for (; text && *text && n + 1 < sizeof(plain); text++)
        if (*text >= ' ' && *text <= '~')
            plain[n++] = *text;
    plain[n] = '\0';
    if (n)
        json_object_set_new(who, key, json_string(plain));
}

static void put_user(json_t *who, const char *key, uid_t uid)
{
    const struct passwd *pw = getpwuid(uid);
    char number[24];

    STR_PRINTF(number, "uid %u", (unsigned)uid);
    put(who, key, pw ? pw->pw_name : number);
}

/* Who logged in, also behind `su`: the kernel keeps it. */
static void put_login(json_t *who)
{
    AUTO(arena) a = arena_new();
    long long uid;
    char *text;

    if (file_read("/proc/self/loginuid", 64, a, &text, NULL, NULL) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    if (str_to_int(text, 0, nobody_logged_in - 1, &uid))
        put_user(who, "login", (uid_t)uid);
}

static void put_terminal(json_t *who)
{
    const char *ssh = getenv("SSH_CONNECTION");
    char tty[64] = "", from[64] = "";
    struct utmpx wanted = {.ut_type = USER_PROCESS};

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !*tty; fd++)
        if (ttyname_r(fd, tty, sizeof(tty)) != 0)
            tty[0] = '\0';
    const char *line = strncmp(tty, "/dev/", 5) == 0 ? tty + 5 : tty;
    put(who, "terminal", line);
    if (ssh)
        STR_PRINTF(from, "%.*s", (int)strcspn(ssh, " "), ssh);
    if (!*from && *line) { /* sudo has taken it out of the environment */
        (void)str_copy(wanted.ut_line, sizeof(wanted.ut_line), line);
        setutxent();
        const struct utmpx *found = getutxline(&wanted);
        if (found)
            STR_PRINTF(from, "%.*s", (int)sizeof(found->ut_host), found->ut_host);
        endutxent();
    }
    put(who, "from", from);
}

json_t *who_json(void)
{
    json_t *who = json_object();
    char host[256] = "";

    put_user(who, "user", getuid());
    put_login(who);
    put(who, "sudo_user", getenv("SUDO_USER"));
    put_terminal(who);
    (void)gethostname(host, sizeof(host) - 1);
    put(who, "host", host);
    json_object_set_new(who, "pid", json_integer(getpid()));
    return who;
}

static const char *text_of(const json_t *who, const char *key)
{
    const char *text = json_string_value(json_object_get(who, key));

    return text ? text : "";
}

const char *who_text(const json_t *who, char ret_text[WHO_TEXT_BYTES])
{
    const char *user = text_of(who, "user"), *sudo = text_of(who, "sudo_user");
    const char *person = *sudo ? sudo : text_of(who, "login");
    const char *terminal = text_of(who, "terminal"), *from = text_of(who, "from");

    if (!*person)
        person = user;
    (void)str_printf(ret_text, WHO_TEXT_BYTES, "%s%s%s%s%s%s%s", person,
                     strcmp(person, user) != 0 ? " as " : "", strcmp(person, user) != 0 ? user : "",
                     *terminal ? ", " : "", terminal, *from ? " from " : "", from);
    return ret_text;
}
