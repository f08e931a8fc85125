/* This file is what the files of the handler `static' know of each other. */
#pragma once

#include <stdbool.h>

/* Settings of one route. */
struct sh_static {
	const char *root, *index, *cache_control;
	bool precompressed, hidden;
	int timeout_ms;
	int root_error; /* errno of the last attempt to open root, 0: none */
};

/* What a file may be there in. */
enum sh_static_coding {
	SH_STATIC_BR,
	SH_STATIC_GZIP,
	SH_STATIC_IDENTITY,
	SH_STATIC_CODINGS
};

/* One file, from the question to the answer. */
struct sh_static_file {
	const struct sh_static *site;
	const char *path; /* relative to root; "" or "a/" for an index */
	int wanted[SH_STATIC_CODINGS]; /* from 0 to 1000 */

	int fd;                       /* of a regular file, or -1 */
	int status;                   /* of the answer: 200, 308, 4xx, 5xx */
	int error;                    /* of a 500: errno */
	int root_error;               /* errno when root could not be opened */
	enum sh_static_coding coding; /* of fd */
	bool varies;                  /* there are others */
};

/** Find and open a file. Blocks; for any thread. The caller closes fd. */
void sh_static_open(struct sh_static_file *file);
