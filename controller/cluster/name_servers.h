/*
 * The other name servers of the zone, as its primary named them last: kept in the journal's
 * directory for the day on which it does not respond and [dns] others is not configured. A file
 * that is not there, or is of another zone, is no servers; one that cannot be written is left out.
 */
#pragma once

struct dns_survey;
struct dns_zone;

/* After a survey that the primary has answered: written only where it differs. */
void name_servers_keep(const char *directory, const struct dns_zone *z, const struct dns_survey *s);
/* Into z->others (and z->others_kept), unless the configuration names some. */
void name_servers_recall(const char *directory, struct dns_zone *z);
