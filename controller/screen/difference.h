/* What changes from one text to another, as `diff -u` shows it. Pure. */
#pragma once

struct arena;

/* Three lines around each change; "" if the texts are the same. In the arena. Of texts whose
 * differing middle is longer than 2,000 lines all of it is shown as changed. */
char *difference_unified(const char *old_text, const char *new_text, const char *old_name,
                         const char *new_name, struct arena *a);
