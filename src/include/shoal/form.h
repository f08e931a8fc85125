/*
 * Forms: what a browser sends when one is filled in, as
 * application/x-www-form-urlencoded or, with files, multipart/form-data.
 *
 * Fields are kept in memory. Files go to the disk as they come, to files without
 * a name: they are gone when the request ends, or the process, however it ends,
 * unless shoal_co_upload_keep() has given them one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <shoal/error.h>
#include <shoal/request.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a form may take; 0 and NULL are the default, -1 is "off". How long all of
 * it may be is limits.body_size and shoal_request_set_body_limit(). */
struct shoal_form_options {
	size_t size;        /* sizeof(struct shoal_form_options) */
	const char *folder; /* for files; borrowed. NULL: $TMPDIR, or /tmp */
	int64_t files;      /* number of files, 20 */
	int64_t file_size;  /* bytes of a file; no limit of its own */
	int64_t fields;     /* number of fields, 1000 */
	int64_t memory;     /* bytes of names and values, 1 MiB */
};

/* A file that has come with a form. */
struct shoal_upload {
	const char *name; /* of the field */
	/* As the client's user calls it: what is behind the last '/' or '\',
	 * never "." or "..", "" perhaps. Any other byte but NUL may be in it. */
	const char *filename;
	const char *type; /* as the client says; "" when it does not */
	int64_t size;     /* bytes */
	int fd;           /* open for reading and writing, at its beginning */
};

/**
 * Receive a form. Called again, it gives the same.
 *
 * @param options     borrowed; NULL: defaults
 * @param timeout_ms  for all of it; SHOAL_FOREVER: limits.body_timeout alone
 *                    counts
 *
 * Returns  0; -SHOAL_EINVAL when the request's Content-Type is not that of a
 *          form, with nothing received: 415 is the answer to that; or when
 *          options->size is not set;
 *          -SHOAL_EPROTO when it is malformed (400 has been answered);
 *          -SHOAL_EMSGSIZE when it is beyond a limit (413 has been answered);
 *          -SHOAL_ETIMEDOUT after timeout_ms: the form cannot be gone on with;
 *          -ENOSPC, -EMFILE or another -errno when a file could not be
 *          written; -SHOAL_ESTATE when some of the body was received before,
 *          by a call that has failed perhaps; else as shoal_co_request_read()
 * Context  coroutine
 * Suspends until it has come, and while its files are written
 * See      RFC 7578; https://url.spec.whatwg.org, 5
 */
SHOAL_API int shoal_co_request_form(struct shoal_request *req,
    const struct shoal_form_options *options, int timeout_ms);

/**
 * The value of a field of the form; the first of that name.
 *
 * @param name  as it is in the form, its case counts
 *
 * Returns  the value, decoded, with a NUL behind it; NULL when there is none,
 *          and before shoal_co_request_form() has returned 0
 * Owner    lends as long as the request lives
 * Context  worker
 * Blocks   never
 */
SHOAL_API const char *
shoal_request_field(const struct shoal_request *req, const char *name);

/** Likewise, of a value that may have NULs in it, with its length. */
SHOAL_API const char *shoal_request_field_bytes(
    const struct shoal_request *req, const char *name, size_t *len_out);

/** Number of fields, and the one at a position, in the order of the form. NULL
 *  beyond the last one, else its name, with its value in *value_out and its
 *  length in *len_out, each unless NULL. */
SHOAL_API size_t shoal_request_field_count(const struct shoal_request *req);
SHOAL_API const char *shoal_request_field_at(const struct shoal_request *req,
    size_t i, const char **value_out, size_t *len_out);

/**
 * A file of the form; the first of that name. A place for a file that was left
 * empty is none.
 *
 * Returns  the file; NULL when there is none, and before
 *          shoal_co_request_form() has returned 0
 * Owner    lends, its descriptor too, as long as the request lives
 * Context  worker
 * Blocks   never
 */
SHOAL_API const struct shoal_upload *
shoal_request_upload(const struct shoal_request *req, const char *name);

/** Number of files, and the one at a position, NULL beyond the last one. */
SHOAL_API size_t shoal_request_upload_count(const struct shoal_request *req);
SHOAL_API const struct shoal_upload *
shoal_request_upload_at(const struct shoal_request *req, size_t i);

/**
 * Keep a file, at a path that is not there yet. On the file system of
 * options.folder it gets that name at once, elsewhere it is copied. Only its
 * owner, the workers' user, may read and write it.
 *
 * @param path  borrowed. Made of filename, it would be the client's choice
 *
 * Returns  0; -SHOAL_EEXIST when there is something at the path; -ENOENT,
 *          -EACCES, -ENOSPC or another -errno; -SHOAL_ECANCELED,
 *          -SHOAL_ENOMEM, see shoal_co_blocking(). Nothing is at the path then
 * Context  coroutine
 * Suspends until it is there
 * See      linkat(2), open(2) O_TMPFILE
 */
SHOAL_API int
shoal_co_upload_keep(const struct shoal_upload *upload, const char *path);

#ifdef __cplusplus
}
#endif
