/*
 * One UPDATE of alias and record, waited for: dns_swap() in the straight-line form that a command
 * wants. What it came to is result->verdict; *ret_why says why not (code 0: nothing to say).
 */
#pragma once

#include "base/err.h"
#include "dnsupdate/dns.h"

struct session;

void update_wait(struct session *s, const struct dns_swap *swap, struct dns_swap_result *ret_result,
                 struct err *ret_why);
