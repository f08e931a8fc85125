/*
 * This file sends answers that come from files: a short one with its head in one
 * write, a long one by sendfile(2), several ranges as multipart/byteranges. RFC
 * 9110 14.6.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include <shoal/error.h>

#include "io/await.h"
#include "session/http_file.h"

enum {
	/* copying so much costs no more processor time than sendfile(2), and
	 * less below: at 100 bytes 25 instead of 32 us, all included; and it is
	 * one packet, not two */
	COPIED_MAX = 16 * 1024,
	BOUNDARY_LEN = 32,
	RANGE_SIZE = 96,
	PART_PIECES = 6
};

static const char place[] = "shoal_co_response_file";

/* What comes before each part, and what behind the last one. */
struct part {
	struct iovec pieces[PART_PIECES];
	int count;
	char range[RANGE_SIZE];
};

/* The body is not all there, and the client has to notice. */
static int
give_up(struct sh_http_file *file, int r)
{
	struct shoal_request *req = file->req;
	int why = sh_conn_why(req->conn);

	/* who does not read would keep what the kernel has for long */
	if (r == -SHOAL_ETIMEDOUT && why == 0)
		sh_conn_fail_with(req->conn, r);
	sh_answer_cut(req);
	if (r == -SHOAL_ETRUNCATED)
		return -EIO;
	return r == -SHOAL_ENOTCONN && why < 0 && why != -SHOAL_ECANCELED ? why
									  : r;
}

/* Bytes of the file, as the client takes them; each wait has the whole time. */
static int
send_span(struct sh_http_file *file, struct sh_http_range span)
{
	struct shoal_request *req = file->req;
	off_t offset = (off_t)(file->offset + span.begin);
	size_t left = (size_t)(span.end - span.begin);
	int r;

	req->answer.left -= left;
	do {
		r = sh_conn_sendfile(req->conn, file->fd, &offset, &left);
		if (r != -SHOAL_EAGAIN)
			return r;
		r = sh_send_line_join_flush(req->conn, &req->line, place,
		    sh_deadline_us(file->timeout_ms));
	} while (r == 0);
	return r;
}

static int
send_long(struct sh_http_file *file, struct sh_http_range span)
{
	int r = sh_answer_write(
	    file->req, NULL, 0, sh_deadline_us(file->timeout_ms));

	if (r == 0 && !file->req->answer.bodyless)
		r = send_span(file, span);
	return r < 0 ? give_up(file, r) : sh_answer_end(file->req);
}

/* Read all of it: 0; -EIO when it has become shorter. */
static int
read_span(
    const struct sh_http_file *file, int64_t begin, char *data, size_t len)
{
	off_t offset = (off_t)(file->offset + begin);
	ssize_t n;

	while (len > 0) {
		n = pread(file->fd, data, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The memory is a tenth of what another packet costs. Nothing has been sent yet
 * when reading fails. Ranges and tag are those of the bytes as they are. */
static int
send_short(struct sh_http_file *file, struct sh_http_range span)
{
	size_t len = (size_t)(span.end - span.begin);
	char *data = malloc(len);
	int r;

	if (data == NULL)
		return -SHOAL_ENOMEM;
	r = read_span(file, span.begin, data, len);
	if (r == 0)
		r = sh_answer_send_as_is(file->req, data, len);
	else
		sh_answer_cut(file->req);
	free(data);
	return r;
}

int
sh_http_file_send(struct sh_http_file *file, struct sh_http_range span)
{
	struct sh_http_answer *answer = &file->req->answer;

	answer->has_length = true;
	answer->length = (uint64_t)(span.end - span.begin);
	/* to HEAD, the length is told all the same */
	if (answer->length == 0 || sh_request_is(file->req, "HEAD"))
		return sh_answer_send(file->req, NULL, 0);
	if (answer->length <= COPIED_MAX)
		return send_short(file, span);
	return send_long(file, span);
}

/* --- multipart/byteranges -------------------------------------------------- */

static void
add(struct part *part, const char *text)
{
	part->pieces[part->count++] =
	    (struct iovec){ .iov_base = (void *)(uintptr_t)text,
		    .iov_len = strlen(text) };
}

/* What comes before a range; its length. */
static size_t
make_part(struct part *part, const struct sh_http_file *file,
    const char *boundary, const struct sh_http_range *range)
{
	size_t len = 0;
	int i;

	part->count = 0;
	add(part, "\r\n--");
	add(part, boundary);
	if (range == NULL) {
		add(part, "--\r\n");
	} else {
		snprintf(part->range, RANGE_SIZE,
		    "\r\nContent-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64
		    "\r\n\r\n",
		    range->begin, range->end - 1, file->size);
		if (file->type != NULL) {
			add(part, "\r\nContent-Type: ");
			add(part, file->type);
		}
		add(part, part->range);
	}
	for (i = 0; i < part->count; i++)
		len += part->pieces[i].iov_len;
	return len;
}

static uint64_t
count_bytes(const struct sh_http_file *file, const char *boundary)
{
	uint64_t len;
	struct part part;
	int i;

	len = make_part(&part, file, boundary, NULL);
	for (i = 0; i < file->range_count; i++) {
		const struct sh_http_range *range = &file->ranges[i];

		len += make_part(&part, file, boundary, range);
		len += (uint64_t)(range->end - range->begin);
	}
	return len;
}

/* Nobody can have put it into the file. */
static int
make_boundary(char boundary[BOUNDARY_LEN + 1])
{
	unsigned char noise[BOUNDARY_LEN / 2];
	size_t i;

	if (getrandom(noise, sizeof(noise), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(noise))
		return -errno;
	for (i = 0; i < sizeof(noise); i++)
		snprintf(boundary + 2 * i, 3, "%02x", noise[i]);
	return 0;
}

static int
send_part(struct sh_http_file *file, const char *boundary,
    const struct sh_http_range *range)
{
	struct part part;

	make_part(&part, file, boundary, range);
	return sh_answer_writev(file->req, part.pieces, part.count,
	    sh_deadline_us(file->timeout_ms));
}

int
sh_http_file_send_parts(struct sh_http_file *file)
{
	static const char type[] = "multipart/byteranges; boundary=";
	struct sh_http_answer *answer = &file->req->answer;
	char text[sizeof(type) + BOUNDARY_LEN];
	char *boundary = text + sizeof(type) - 1;
	int i, r;

	memcpy(text, type, sizeof(type));
	r = make_boundary(boundary);
	if (r == 0)
		r = sh_answer_set(file->req, "Content-Type", text);
	if (r < 0)
		return r;
	answer->has_length = true;
	answer->length = count_bytes(file, boundary);
	for (i = 0; i < file->range_count && r == 0; i++) {
		r = send_part(file, boundary, &file->ranges[i]);
		if (r == 0)
			r = send_span(file, file->ranges[i]);
	}
	if (r == 0)
		r = send_part(file, boundary, NULL);
	return r < 0 ? give_up(file, r) : sh_answer_end(file->req);
}
