/* This file says where files of ours are when no setting does. */
#pragma once

#include <stddef.h>

/** The folder for a program's socket, pid file and log: /run/NAME for root,
 *  else $XDG_RUNTIME_DIR/NAME, else /tmp/NAME-UID. Returns buf. */
const char *sh_path_folder(const char *name, char *buf, size_t cap);
/** Make the folder of a file, if it is missing and its own folder is there. 0,
 *  also when that fails, since the file will say it better; -EPERM when it is
 *  one that somebody else has made where everybody may, below /tmp say. */
int sh_path_make_folder(const char *path);
/** Its control socket. Returns buf. */
const char *sh_path_control(const char *name, char *buf, size_t cap);
