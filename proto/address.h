/* Addresses as people write them: "10.0.0.1:7432", "[fd00::1]:7432". No names: nothing here
 * resolves. */
#pragma once

#include "proto/messages.h"

struct err;
struct sockaddr;
struct sockaddr_storage;

/* An IPv4 or IPv6 address and nothing else: no name, no port, no brackets, no scope. */
bool address_is_ip(const char *text);
/* ERR_CONFIG for anything but IP:port. Port 0 is accepted (a listener gets a free one). */
int address_parse(const char *text, struct sockaddr_storage *ret_address, struct err *reterr);
const char *address_text(const struct sockaddr *address, char ret_text[ADDRESS_BYTES]);
/* The IP and a port in one text, as address_parse takes them. */
const char *address_join(const char *ip, int64_t port, char ret_text[ADDRESS_BYTES]);
