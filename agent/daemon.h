/* `pgtandem-agent run`: server, acts and watch on one loop, until SIGTERM. PostgreSQL runs on. */
#pragma once

struct config;

/* The program's exit status. */
int daemon_run(struct config *c);
