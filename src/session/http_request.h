/*
 * This file is one HTTP request and its answer, as the session keeps them, for
 * the files of the session and for what makes public functions of them. It lies
 * on the stack of the handler's coroutine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/buf.h"
#include "proto/http_body.h"
#include "proto/http_head.h"
#include "proto/http_lines.h"
#include "session/http.h"
#include "session/send_line.h"

struct iovec;
struct sh_co;
struct sh_form;

enum { SH_REQUEST_MAGIC = 0x71657268 };

/* Bytes that are amid being handed out: what of them nobody has taken yet. */
struct sh_http_feed {
	const char *data;
	size_t len;
};

enum sh_reading {
	SH_READING_NOTHING, /* nobody has asked for the body */
	SH_READING_PIECES,  /* by shoal_co_request_read() */
	SH_READING_WHOLE,   /* by shoal_co_request_body() */
};

/* The body of a request. */
struct sh_http_reading {
	struct sh_http_body body; /* when begun */
	bool begun, done, failed;
	uint8_t how;          /* enum sh_reading */
	int error;            /* why it failed */
	int64_t limit;        /* bytes; -1: none */
	int64_t due_us;       /* 0: nobody has waited for it yet */
	struct sh_co *reader; /* who waits for more, or NULL */
	struct sh_buf whole;
	char *piece; /* lent by the last read */
	size_t piece_cap;
	struct sh_buf trailers; /* lines, as they came, and an empty one */
};

/* How far an answer is. */
struct sh_http_answer {
	uint16_t status;
	bool begun;    /* the head has been sent */
	bool complete; /* nothing more will be */
	bool keep;     /* the connection may go on */
	bool chunked;
	bool bodyless; /* whatever is written, nothing is sent */
	bool counted;  /* by Content-Length */
	bool has_type, has_date, has_length; /* set by the handler */
	uint64_t length;                     /* if has_length */
	uint64_t left;                       /* if counted */
	const char *reason;
	struct sh_http_lines lines;
	struct sh_http_lines *trailers; /* NULL: none */
};

struct sh_request_memory;

struct shoal_request {
	struct sh_http_session session;
	uint32_t magic;
	bool detached;
	bool awaited;    /* the coroutine waits for the end of its answer ... */
	bool ending;     /* ... or for those who are in a call */
	unsigned inside; /* so many of them */
	bool close_known; /* to the handler: it has closed, or was cancelled */
	struct sh_conn *conn;
	struct sh_http *http;
	const struct sh_route *route;
	struct sh_co *co;
	struct sh_http_feed *feed; /* NULL: nothing is amid being handed out */
	struct sh_buf input; /* what has come and was not handed out ... */
	size_t input_off;    /* ... behind so many bytes of it */
	/* good as long as the request, with a NUL behind everything that a
	 * handler may see */
	struct sh_http_head head;
	const char *bytes; /* that the head speaks of */
	const char *path, *host;
	struct sh_http_reading reading;
	struct sh_http_answer answer;
	struct sh_send_line line;
	void *data;
	struct sh_request_memory *memory;
	struct sh_form *form;        /* NULL: none has been received */
	sh_ws_returned_fn *returned; /* not NULL: it is a WebSocket now */
	struct shoal_ws *ws;
};

/** The request of a public pointer; asserts that it is one. */
struct shoal_request *sh_request_of(const struct shoal_request *req);
/** Begin and end a call that waits. Another coroutine than the handler's may be
 *  in it, and complete the answer meanwhile: the request stays until all have
 *  left. */
void sh_request_enter(struct shoal_request *req);
void sh_request_leave(struct shoal_request *req);
/** Memory that is freed with the request; NULL when there is none. */
void *sh_request_alloc(struct shoal_request *req, size_t size);
/** Likewise, remembered under a key: asked again, it gives the same, whatever
 *  size. *is_new_out tells them apart. */
void *sh_request_alloc_once(
    struct shoal_request *req, const void *key, size_t size, bool *is_new_out);
/** What is remembered under a key, or NULL. */
void *sh_request_remembered(const struct shoal_request *req, const void *key);
/** A text of its head. */
static inline const char *
sh_request_text(const struct shoal_request *req, struct sh_http_text text)
{
	return req->bytes + text.off;
}

/* --- http_field.c: its head ------------------------------------------------ */

/** Whether it has this method. */
bool sh_request_is(const struct shoal_request *req, const char *method);
/** See shoal_request_header(). */
const char *sh_request_field(struct shoal_request *req, const char *name);

/* --- http_read.c: its body ------------------------------------------------- */

/** See shoal_co_request_body(), shoal_co_request_read(). */
ssize_t sh_request_body(
    struct shoal_request *req, const void **data_out, int64_t deadline_us);
ssize_t sh_request_read(
    struct shoal_request *req, const void **data_out, int64_t deadline_us);
/** See shoal_request_trailer(). */
const char *sh_request_trailer(struct shoal_request *req, const char *name);
/** Take the rest of the body off the bytes that have come. 1 when it is
 *  complete, 0 when more is to come, negative when it cannot be. */
int sh_request_skip(struct shoal_request *req);
/** Whether so little of the body is left that it is better read than the
 *  connection closed. */
bool sh_request_is_skippable(const struct shoal_request *req);

/* --- http_fields.c: status and fields of the answer ------------------------ */

/** See shoal_response_status(), shoal_response_header() and so on. */
int sh_answer_status(struct shoal_request *req, int code, const char *reason);
int
sh_answer_set(struct shoal_request *req, const char *name, const char *value);
int
sh_answer_add(struct shoal_request *req, const char *name, const char *value);
int sh_answer_trailer(
    struct shoal_request *req, const char *name, const char *value);
/** Forget all that has been set. */
void sh_answer_clear(struct shoal_request *req);

/* --- http_send.c: whole answers -------------------------------------------- */

/** See shoal_response_send(). */
int sh_answer_send(struct shoal_request *req, const void *data, size_t len);
/** Likewise, never compressed. */
int
sh_answer_send_as_is(struct shoal_request *req, const void *data, size_t len);
/** Room for the begin of a head that is sent. */
enum { SH_ANSWER_HEAD_MAX = 512 };
/** Decide how the body is sent, and write what comes before the lines of the
 *  answer. Its length. len: of a body that is known, -1: not. */
size_t sh_answer_head(
    struct shoal_request *req, char out[SH_ANSWER_HEAD_MAX], int64_t len);
/** Send the head of a 101 answer. 0 or negative: nothing was sent. */
int sh_answer_switch(struct shoal_request *req);
/** It is complete, or nobody will read it: go on without it. */
void sh_answer_complete(struct shoal_request *req);
/** Complete it though it is not what it said: the connection ends. */
void sh_answer_cut(struct shoal_request *req);

/* --- http_gzip.c: compressed bodies ---------------------------------------- */

/** Compress the body of an answer, if that is wanted, worth it and accepted,
 *  and set the fields that say so. Whether it was: then out has the body, and
 *  the caller frees it. */
bool sh_answer_compress(struct shoal_request *req, const void *data, size_t len,
    struct sh_buf *out);

/* --- http_file.c: answers that come from files ------------------------------ */

struct shoal_file_options;

/** See shoal_co_response_file(). */
int sh_answer_file(struct shoal_request *req, int fd,
    const struct shoal_file_options *options, int timeout_ms);

/* --- http_write.c: answers in pieces --------------------------------------- */

/* In place of a deadline: -SHOAL_EAGAIN rather than to wait. */
#define SH_ANSWER_TRY INT64_C(-1)
enum { SH_ANSWER_PARTS_MAX = 8 };
/** See shoal_co_response_write(). */
int sh_answer_write(struct shoal_request *req, const void *data, size_t len,
    int64_t deadline_us);
/** Likewise, with more parts, which are one piece. */
int sh_answer_writev(struct shoal_request *req, const struct iovec *parts,
    int count, int64_t deadline_us);
/** See shoal_response_end(). */
int sh_answer_end(struct shoal_request *req);

/* --- http_error.c: what shoal answers itself ------------------------------- */

/** See shoal_response_error(). */
int sh_answer_error(struct shoal_request *req, int status);
/** The client did wrong: answer with a status if that can be, and close. */
void sh_request_fail(struct shoal_request *req, int status);
/** The handler has returned without an answer. */
void sh_request_answer_missing(struct shoal_request *req);
