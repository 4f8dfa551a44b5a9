/* What this machine, boot and process are called, and giving up root. */
#pragma once

#include <stdbool.h>

struct err;

enum { MACHINE_BYTES = 40, BOOT_BYTES = 40 };

/* Of /etc/machine-id and the node's name: cloned machines may share the first. */
void machine_name(const char *node, char ret_name[MACHINE_BYTES]);

/* This boot: the kernel's boot id and the start of PID 1, which differs at each container boot. */
void machine_boot(char ret_boot[BOOT_BYTES]);

/* Clock ticks from boot to the start of a process; false: there is no such process. */
bool machine_process_start(int pid, unsigned long long *ret_ticks);

/* If root: become the owner of `directory` for good. Its data must not be touched as anybody
 * else. */
int machine_become_owner(const char *directory, struct err *reterr);
