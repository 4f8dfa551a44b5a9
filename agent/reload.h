/*
 * SIGHUP: the configuration, certificates and the TSIG key are read again. What may change under a
 * running agent does (mode, watch, time limits, commands, certificates, key); what may not is
 * reported and waits for a restart of the agent. PostgreSQL notices neither. A file with a mistake
 * changes nothing. Certificates count for new connections, those that are open stay.
 */
#pragma once

struct agent;

void reload_configuration(struct agent *g); /* failures go to the log */
