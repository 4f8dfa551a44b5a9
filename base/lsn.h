/* LSNs as PostgreSQL writes them: "0/1EAC518" (PostgreSQL, 8.20 pg_lsn Type). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LSN_TEXT_BYTES = 20 };
bool lsn_parse(const char *text, uint64_t *ret_lsn);
const char *lsn_text(uint64_t lsn, char ret_text[LSN_TEXT_BYTES]);
