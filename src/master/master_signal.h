/* This file turns signals into master's decisions; nothing runs in a signal
 * handler. */
#pragma once

struct sh_master;

/** Block the signals that the master reads from its signalfd. 0 or -errno. */
int sh_signals_open(struct sh_master *master);
/** Give the program its own signal mask and actions back. */
void sh_signals_close(struct sh_master *master);
/** Add the signalfd to the next wait. */
void sh_signals_poll(struct sh_master *master);
