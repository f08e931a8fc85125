/*
 * This file sends answers in pieces: in chunks, counted, or up to the end of the
 * connection.
 */
#include "config.h"

#include <string.h>
#include <sys/uio.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "proto/http_answer.h"
#include "session/http_private.h"

enum {
	/* what goes before and behind a piece in a chunk */
	EXTRA_PARTS = 2
};

/* A piece with what goes before and behind it. */
struct piece {
	char chunk[SH_HTTP_CHUNK_HEAD_MAX];
	struct iovec parts[SH_ANSWER_PARTS_MAX + EXTRA_PARTS];
	int count;
};

static void
add(struct piece *piece, const void *data, size_t len)
{
	piece->parts[piece->count++] =
	    (struct iovec){ .iov_base = (void *)(uintptr_t)data,
		    .iov_len = len };
}

static size_t
length_of(const struct iovec *parts, int count)
{
	size_t len = 0;
	int i;

	for (i = 0; i < count; i++)
		len += parts[i].iov_len;
	return len;
}

/* Why the connection is closed, if that is news. */
static int
explain(const struct shoal_request *req, int r)
{
	int why = r == -SHOAL_ENOTCONN ? sh_conn_why(req->conn) : 0;

	return why < 0 && why != -SHOAL_ECANCELED ? why : r;
}

/* The head does not wait: the request was not begun with a full queue. Apart,
 * so that a coroutine that waits does not keep the room on its stack. */
static __attribute__((noinline)) int
send_head(struct shoal_request *req)
{
	const struct sh_http_lines *lines = &req->answer.lines;
	char out[SH_ANSWER_HEAD_MAX];
	size_t len = sh_answer_head(req, out, -1);
	const struct iovec parts[3] = {
		{ .iov_base = out, .iov_len = len },
		{ .iov_base = lines->data, .iov_len = lines->len },
		{ .iov_base = (char[]){ '\r', '\n' }, .iov_len = 2 },
	};
	int r = sh_conn_sendv_anyway(req->conn, parts, 3);

	if (r < 0 && sh_conn_why(req->conn) == 0)
		sh_conn_fail_with(req->conn, r);
	return r;
}

/* Whether so many bytes fit what Content-Length has announced. */
static bool
fits(const struct sh_http_answer *answer, size_t len)
{
	uint64_t left = answer->begun ? answer->left : answer->length;

	return answer->bodyless || !answer->has_length || len <= left;
}

static void
make_piece(struct piece *piece, const struct shoal_request *req,
    const struct iovec *parts, int count, size_t len)
{
	int i;

	piece->count = 0;
	if (req->answer.chunked)
		add(piece, piece->chunk, sh_http_chunk_head(piece->chunk, len));
	for (i = 0; i < count; i++)
		add(piece, parts[i].iov_base, parts[i].iov_len);
	if (req->answer.chunked)
		add(piece, "\r\n", 2);
}

static int
send_piece(struct shoal_request *req, const struct iovec *parts, int count,
    size_t len, int64_t deadline_us)
{
	struct piece piece;
	int r;

	make_piece(&piece, req, parts, count, len);
	if (deadline_us == SH_ANSWER_TRY)
		return sh_send_line_is_empty(&req->line)
		    ? sh_conn_sendv(req->conn, piece.parts, piece.count)
		    : -SHOAL_EAGAIN;
	sh_request_enter(req);
	r = sh_send_line_sendv(req->conn, &req->line, piece.parts, piece.count,
	    "shoal_co_response_write", deadline_us);
	sh_request_leave(req);
	return r;
}

int
sh_answer_writev(struct shoal_request *req, const struct iovec *parts,
    int count, int64_t deadline_us)
{
	struct sh_http_answer *answer = &req->answer;
	size_t len = length_of(parts, count);
	int r;

	sh_assert(count <= SH_ANSWER_PARTS_MAX);
	if (answer->complete)
		return -SHOAL_ESTATE;
	if (!fits(answer, len))
		return -SHOAL_EMSGSIZE;
	r = answer->begun ? 0 : send_head(req);
	if (r < 0)
		return explain(req, r);
	if (len == 0 || answer->bodyless)
		return explain(
		    req, sh_conn_why(req->conn) == 0 ? 0 : -SHOAL_ENOTCONN);
	/* before a wait: others may write meanwhile */
	if (answer->counted)
		answer->left -= len;
	r = send_piece(req, parts, count, len, deadline_us);
	if (r < 0 && answer->counted)
		answer->left += len;
	return r < 0 ? explain(req, r) : 0;
}

int
sh_answer_write(struct shoal_request *req, const void *data, size_t len,
    int64_t deadline_us)
{
	const struct iovec part = { .iov_base = (void *)(uintptr_t)data,
		.iov_len = len };

	return sh_answer_writev(req, &part, 1, deadline_us);
}

/* The last chunk, with trailers. */
static int
send_end(struct shoal_request *req)
{
	const struct sh_http_lines *trailers = req->answer.trailers;
	struct iovec parts[3] = {
		{ .iov_base = (char[]){ '0', '\r', '\n' }, .iov_len = 3 },
		{ .iov_len = 0 },
		{ .iov_base = (char[]){ '\r', '\n' }, .iov_len = 2 },
	};

	if (trailers != NULL) {
		parts[1].iov_base = trailers->data;
		parts[1].iov_len = trailers->len;
	}

	return sh_conn_sendv_anyway(req->conn, parts, 3);
}

int
sh_answer_end(struct shoal_request *req)
{
	struct sh_http_answer *answer = &req->answer;
	int r = 0;

	if (answer->complete)
		return -SHOAL_ESTATE;
	if (!answer->begun)
		return sh_answer_send(req, NULL, 0);
	/* what others wait to send would come behind the end, where the next
	 * answer begins */
	if (SH_UNLIKELY(!sh_send_line_is_empty(&req->line)))
		return -SHOAL_EBUSY;
	if (answer->counted && !answer->bodyless && answer->left != 0) {
		sh_answer_cut(req);
		return -SHOAL_EMSGSIZE;
	}
	if (answer->chunked && !answer->bodyless)
		r = send_end(req);
	else if (sh_conn_why(req->conn) != 0)
		r = -SHOAL_ENOTCONN;
	if (r < 0 && sh_conn_why(req->conn) == 0)
		sh_conn_fail_with(req->conn, r);
	sh_answer_complete(req);
	return r < 0 ? explain(req, r) : r;
}
