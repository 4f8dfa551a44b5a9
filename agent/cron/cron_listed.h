/*
 * From what `crontab -l` prints to the bytes of the crontab. Debian's leaves its own three lines
 * out at the top, or any three lines of comment where these are not there (with CRONTAB_NOHEADER=N
 * it leaves out nothing), and prints a carriage return as \r and a backspace as \b, which may as
 * well be typed so. `crontab -e` gives the editor every byte behind those three lines: with cat as
 * the editor it prints them, and changes nothing. Pure.
 */
#pragma once

#include <stdbool.h>

struct arena;

/* Without the three lines that crontab(1) has put before the text. */
const char *cron_listed_text(const char *printed);
/* Does it hold \r or \b, either a control character or two others? */
bool cron_listed_is_ambiguous(const char *text);
/* The bytes, from both; NULL if they do not agree. In the arena. */
char *cron_listed_merge(const char *text, const char *from_editor, struct arena *a);
