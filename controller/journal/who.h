/*
 * Who typed it, for the journal: the user that the process runs as, the person behind `sudo` or
 * `su`, the terminal, and the host that this terminal is used from. What cannot be found out is
 * left out; nothing of it is proof (a root shell can say what it likes).
 */
#pragma once

#include <jansson.h>

/* {"user", "login", "sudo_user", "terminal", "from", "host", "pid"}; the caller owns it. */
json_t *who_json(void);

/* "alice as root, pts/3 from 192.0.2.7", in the caller's array; "" when nothing is known. */
enum { WHO_TEXT_BYTES = 200 };
const char *who_text(const json_t *who, char ret_text[WHO_TEXT_BYTES]);
