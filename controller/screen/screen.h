/*
 * A picture that is drawn again and again (`status -w`, `show -w`): on a terminal in its alternate
 * screen, each frame in one write, so that nothing flickers; elsewhere each frame is appended. A
 * signal (Ctrl-C) ends it, and the terminal is as it was before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct screen;
struct session;

/* Never NULL. The session must outlive it. */
struct screen *screen_open(struct session *s);
void screen_close(struct screen *c);

/* Between the two, session->term is what the frame is written to: as wide as the window is now.
 * False: the reader has gone, there is no point in going on. */
void screen_begin(struct screen *c);
bool screen_end(struct screen *c);

/* Until `ms` have passed or the window has another size; false when a signal said to end. Asked
 * also before the wait: a signal may have come in the meantime. */
bool screen_wait(struct screen *c, int64_t ms);
