/* This file tests compressed answers: session/http_gzip.c. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/attr.h"
#include "http_rig.h"

enum { BODY = 5000, MIN = 100 };

static struct http_rig http;
static char body[BODY + 1];

/* What the handler sets. */
static struct {
	const char *fields[8]; /* names and values */
	int status;
	size_t len;
} job;

static void
answer(struct shoal_request *req, void *arg)
{
	size_t i;

	for (i = 0; job.fields[i] != NULL; i += 2)
		shoal_response_header(req, job.fields[i], job.fields[i + 1]);
	if (job.status != 0)
		shoal_response_status(req, job.status, NULL);
	shoal_response_send(req, body, job.len);
}

static void
set_up(void)
{
	size_t i;

	memset(&http, 0, sizeof(http));
	memset(&job, 0, sizeof(job));
	for (i = 0; i < BODY; i++)
		body[i] = "shoal "[i % 6];
	http.routes[0] = (struct sh_route){
		.path = "/", .fn = answer, .gzip_level = 6, .gzip_min_size = MIN
	};
	http.routes[1] = (struct sh_route){ .path = "/off", .fn = answer };
	http_rig_open(&http);
}

static bool
has_answer(bool has_body)
{
	const char *end, *length;

	http_rig_has(&http, "");
	end = strstr(http.text, "\r\n\r\n");
	length = strstr(http.text, "Content-Length: ");
	if (end == NULL)
		return false;
	ck_assert_ptr_nonnull(length);
	return !has_body ||
	    http.len ==
	    (size_t)(end + 4 - http.text) + (size_t)atoi(length + 16);
}

/* Whether what came is the body, packed. */
static bool
is_packed(void)
{
	char *begin = strstr(http.text, "\r\n\r\n") + 4, out[BODY + 1];
	z_stream stream = { .next_in = (Bytef *)begin,
		.avail_in = (uInt)(http.text + http.len - begin),
		.next_out = (Bytef *)out,
		.avail_out = sizeof(out) };
	int r;

	ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	r = inflate(&stream, Z_FINISH);
	inflateEnd(&stream);
	return r == Z_STREAM_END && stream.total_out == job.len &&
	    memcmp(out, body, job.len) == 0;
}

static void
ask(const char *method, const char *path, const char *accept)
{
	char request[512];

	http_rig_connect(&http);
	http.len = 0;
	snprintf(request, sizeof(request),
	    "%s %s HTTP/1.1\r\nHost: a\r\n%s%s\r\n\r\n", method, path,
	    accept != NULL ? "Accept-Encoding: " : "A: b",
	    accept != NULL ? accept : "");
	http_rig_send(&http, request);
	RIG_UNTIL(&http.rig, has_answer(strcmp(method, "GET") == 0));
}

static bool
says(const char *line)
{
	return strstr(http.text, line) != NULL;
}

static void
check_answer(const char *accept, bool packed, bool varies)
{
	ask("GET", "/", accept);
	ck_assert_int_eq(is_packed(), packed);
	ck_assert_int_eq(says("\r\nContent-Encoding: gzip\r\n"), packed);
	ck_assert_int_eq(says("\r\nVary: Accept-Encoding\r\n"), varies);
}

START_TEST(test_accept)
{
	static const struct {
		const char *accept;
		bool packed;
	} rows[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "GZIP, br", true },
		{ "br", false },
		{ "*", true },
		{ "gzip;q=0", false },
		{ "gzip;q=0.5", true },
		{ "gzip;q=0.5, identity", false },
		{ "gzip;q=0.5, identity;q=0.4", true },
		{ "identity, gzip;q=1", true },
		{ "br;q=0\r\nAccept-Encoding: gzip", true },
	};
	size_t i;

	set_up();
	job.len = BODY;
	for (i = 0; i < SH_ARRAY_LEN(rows); i++)
		check_answer(rows[i].accept, rows[i].packed, true);
	http_rig_close(&http);
}
END_TEST

START_TEST(test_what)
{
	static const struct {
		const char *fields[8];
		int status;
		size_t len;
		bool packed, varies;
	} rows[] = {
		{ { NULL }, 0, MIN, true, true },
		{ { NULL }, 0, MIN - 1, false, false },
		{ { NULL }, 404, BODY, true, true },
		{ { "Content-Type", "Application/JSON" }, 0, BODY, true, true },
		{ { "Content-Type", "image/png" }, 0, BODY, false, false },
		{ { "Content-Encoding", "br" }, 0, BODY, false, false },
		{ { "Content-Range", "bytes 0-4999/6000" }, 206, BODY, false,
		    false },
		{ { "Cache-Control", "public, no-transform" }, 0, BODY, false,
		    false },
		{ { "Cache-Control", "public" }, 0, BODY, true, true },
	};
	size_t i;

	set_up();
	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		memcpy(job.fields, rows[i].fields, sizeof(job.fields));
		job.status = rows[i].status;
		job.len = rows[i].len;
		check_answer("gzip", rows[i].packed, rows[i].varies);
	}
	ask("GET", "/off", "gzip");
	ck_assert(!is_packed() && !says("Vary"));
	http_rig_close(&http);
}
END_TEST

START_TEST(test_fields)
{
	set_up();
	job.len = BODY;
	job.fields[0] = "ETag";
	job.fields[1] = "\"abc\"";
	job.fields[2] = "Vary";
	job.fields[3] = "Origin";
	ask("GET", "/", "gzip");
	ck_assert(is_packed());
	ck_assert(says("\r\nETag: W/\"abc\"\r\n"));
	ck_assert(says("\r\nVary: Origin\r\n"));
	ck_assert(says("\r\nVary: Accept-Encoding\r\n"));
	ask("GET", "/", "identity");
	ck_assert(!is_packed());
	ck_assert(says("\r\nETag: \"abc\"\r\n"));
	job.fields[1] = "W/\"abc\"";
	job.fields[3] = "accept-encoding, Origin";
	ask("GET", "/", "gzip");
	ck_assert(says("\r\nETag: W/\"abc\"\r\n"));
	ck_assert(says("\r\nVary: accept-encoding, Origin\r\n"));
	ck_assert(!says("\r\nVary: Accept-Encoding\r\n"));
	ask("HEAD", "/", "gzip");
	ck_assert(says("\r\nContent-Encoding: gzip\r\n"));
	ck_assert_uint_eq(
	    strstr(http.text, "\r\n\r\n") + 4 - http.text, http.len);
	http_rig_close(&http);
}
END_TEST

/* What a handler says to HEAD of a body that it has not made holds for the one
 * that is not compressed. */
START_TEST(test_head)
{
	set_up();
	job.len = BODY;
	job.fields[0] = "Content-Length";
	job.fields[1] = "5000";
	ask("HEAD", "/", "gzip");
	ck_assert(says("\r\nContent-Encoding: gzip\r\n"));
	ck_assert(!says("\r\nContent-Length: 5000\r\n"));
	ask("HEAD", "/", "identity");
	ck_assert(says("\r\nContent-Length: 5000\r\n"));
	http_rig_close(&http);
}
END_TEST

static void
send_file(struct shoal_request *req, void *arg)
{
	const struct shoal_file_options options = {
		.size = sizeof(options), .name = "a.txt", .conditional = true
	};
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, body, BODY), BODY);
	ck_assert_int_eq(
	    shoal_co_response_file(req, fd, &options, SHOAL_FOREVER), 0);
	close(fd);
}

/* Their ranges and tags are those of the bytes on the disk. */
START_TEST(test_files)
{
	set_up();
	http_rig_close(&http);
	http.routes[0].fn = send_file;
	http_rig_open(&http);
	ask("GET", "/", "gzip");
	ck_assert(!says("\r\nContent-Encoding: "));
	ck_assert(says("\r\nETag: \""));
	ck_assert(says("\r\nContent-Length: 5000\r\n"));
	http_rig_close(&http);
}
END_TEST

/* What does not become shorter is sent as it is. */
START_TEST(test_noise)
{
	uint32_t seed = 1;
	size_t i;

	set_up();
	for (i = 0; i < BODY; i++) {
		seed = seed * 1664525 + 1013904223;
		body[i] = (char)(seed >> 24);
	}
	job.len = BODY;
	check_answer("gzip", false, true);
	http_rig_close(&http);
}
END_TEST

SH_SUITE("session/http_gzip", test_accept, test_what, test_fields, test_head,
    test_files, test_noise)
