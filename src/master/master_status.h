/* This file writes what the master knows, for people and for programs. */
#pragma once

#include "base/buf.h"

struct sh_master;

void sh_status_json(struct sh_master *master, struct sh_buf *out);
void sh_status_text(struct sh_master *master, struct sh_buf *out);
/** Exit status of `status': 0, or 150 when something is not as it should. */
int sh_status_code(const struct sh_master *master);
/** Write the listeners as a table, nothing before a generation serves. */
void sh_status_listeners(const struct sh_master *master, struct sh_buf *out);
