/*
 * The programs' log: one line an event on standard error, `LEVEL time key=value …` for a person,
 * prefixed by <n> for the journal when systemd asks for it (JOURNAL_STREAM is set). Only programs
 * log (controller/, agent/); libraries return errors. Secrets never reach it.
 */
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)

struct err;
void log_err(enum log_level level, const struct err *e); /* message and hint of one error */
