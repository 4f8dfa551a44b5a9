/* `pgtandem-agent status`: this node alone, from its own files, its PostgreSQL and its crontab. No
 * network is needed: it is for the moment when the controller cannot be asked. */
#pragma once

struct config;

/* 0: nothing stands out; 10: something does (printed). */
int status_run(struct config *c);
