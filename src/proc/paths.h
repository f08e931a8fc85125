/* This file says where files of ours are when no setting does. */
#pragma once

#include <stddef.h>

/** The folder for a program's socket, pid file and log: /run/NAME for root,
 *  else $XDG_RUNTIME_DIR/NAME, else /tmp/NAME-UID. Returns buf. */
const char *sh_path_folder(const char *name, char *buf, size_t cap);
/** Its control socket. Returns buf. */
const char *sh_path_control(const char *name, char *buf, size_t cap);
