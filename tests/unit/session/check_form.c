/* This file tests session/form.c and what it is made of. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "session/form.h"
#include "session/form_file.h"
#include "support/suite.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data; boundary=b"
#define NAMED(rest) "--b\r\nContent-Disposition: form-data; name=" rest

static char folder[64];

static void
make_folder(void)
{
	strcpy(folder, "/tmp/check_form-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Also that nothing was left in it. */
static void
remove_folder(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
}

static struct shoal_form_options
in_folder(void)
{
	return (struct shoal_form_options){
		.size = sizeof(struct shoal_form_options), .folder = folder
	};
}

/* Some bytes of a body, in memory of just their size. */
static int
come(struct sh_form *form, const char *data, size_t len, const char **why)
{
	char *exact = malloc(len > 0 ? len : 1);
	const char *next = exact;
	int r;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, data, len);
	while ((r = sh_form_take(form, &next, &len, why)) == 1) {
		r = sh_form_write(form);
		if (r < 0)
			break;
	}
	ck_assert(r != 0 || len == 0);
	free(exact);
	return r;
}

/* A form whose body comes in two pieces. */
static int
receive(const char *type, const struct shoal_form_options *options,
    const char *body, size_t len, size_t split, struct sh_form **out)
{
	const char *why = NULL;
	int r = sh_form_new(type, options, out, &why);

	if (r == 0)
		r = come(*out, body, split, &why);
	if (r == 0)
		r = come(*out, body + split, len - split, &why);
	if (r == 0)
		r = sh_form_end(*out, &why);
	ck_assert(
	    (r == -SHOAL_EPROTO || r == -SHOAL_EMSGSIZE) == (why != NULL));
	return r;
}

/* Its fields as "[name]=[value]", its files as "{name,filename,type,data}". */
static void
write_form(const struct sh_form *form, char *out)
{
	const struct shoal_upload *upload;
	const char *name, *value;
	char data[64];
	size_t i, len;

	for (i = 0; (name = sh_form_field_at(form, i, &value, &len)) != NULL;
	     i++) {
		ck_assert_uint_eq(value[len], '\0');
		out += sprintf(out, "[%s]=[%s]", name, value);
	}
	ck_assert_uint_eq(i, sh_form_field_count(form));
	for (i = 0; (upload = sh_form_upload_at(form, i)) != NULL; i++) {
		ssize_t n = read(upload->fd, data, sizeof(data));

		ck_assert_int_eq(n, (ssize_t)upload->size);
		out += sprintf(out, "{%s,%s,%s,%.*s}", upload->name,
		    upload->filename, upload->type, (int)n, data);
	}
	ck_assert_uint_eq(i, sh_form_upload_count(form));
	*out = '\0';
}

struct sample {
	const char *type, *body, *text;
};

static const struct sample samples[] = {
	{ URLENCODED, "", "" },
	{ URLENCODED ";charset=UTF-8", "a=1", "[a]=[1]" },
	{ URLENCODED, "a=1&b=&c&&a=+2%2B&", "[a]=[1][b]=[][c]=[][a]=[ 2+]" },
	{ URLENCODED, "%61%00=%ff", "[a]=[\xff]" },
	{ URLENCODED, "=&=1", "[]=[][]=[1]" },
	{ MULTIPART, "--b--", "" },
	{ MULTIPART,
	    NAMED("a\r\n\r\n1\r\n") NAMED("b\r\n\r\n\r\n")
		NAMED("a\r\n\r\n\r\n2\r\n--b--"),
	    "[a]=[1][b]=[][a]=[\r\n2]" },
	{ MULTIPART,
	    NAMED("f;filename=x\r\nContent-Type: t/p\r\n\r\nfile\r\n")
		NAMED("a\r\n\r\n1\r\n")
		    NAMED("f;filename=\"\"\r\n\r\nnone\r\n--b--\r\n"),
	    "[a]=[1]{f,x,t/p,file}{f,,,none}" },
	/* a place without a file, and a file without a byte */
	{ MULTIPART, NAMED("f;filename=\"\"\r\n\r\n\r\n--b--"), "" },
	{ MULTIPART, NAMED("f;filename=x\r\n\r\n\r\n--b--"), "{f,x,,}" },
	{ "Multipart/Form-Data; boundary=\"\\b\"", NAMED("a\r\n\r\n1\r\n--b--"),
	    "[a]=[1]" },
};

START_TEST(test_whole_and_split)
{
	struct shoal_form_options options = in_folder();
	char text[256];
	size_t i, split;

	make_folder();
	for (i = 0; i < SH_ARRAY_LEN(samples); i++) {
		const struct sample *sample = &samples[i];
		size_t len = strlen(sample->body);

		for (split = 0; split <= len; split++) {
			struct sh_form *form = NULL;

			ck_assert_int_eq(receive(sample->type, &options,
					     sample->body, len, split, &form),
			    0);
			write_form(form, text);
			ck_assert_str_eq(text, sample->text);
			sh_form_free(&form, NULL);
			ck_assert_ptr_null(form);
		}
	}
	remove_folder();
}
END_TEST

static int
result(const char *type, const struct shoal_form_options *options,
    const char *body)
{
	struct sh_form *form = NULL;
	int r =
	    receive(type, options, body, strlen(body), strlen(body) / 2, &form);

	ck_assert(r == 0 || sh_form_field_count(form) == 0);
	ck_assert(r == 0 || sh_form_upload_at(form, 0) == NULL);
	sh_form_free(&form, NULL);
	return r;
}

START_TEST(test_refused)
{
	static const char *const none[] = { NULL, "", "text/plain",
		"multipart/mixed; boundary=b", "multipart/form-data-x" };
	static const char *const no_boundary[] = { "multipart/form-data",
		"multipart/form-data; boundary=",
		"multipart/form-data; boundary=a b",
		"multipart/form-data; boundary=\"a\x7f\"",
		"multipart/form-data; boundary=\"a \"",
		"multipart/form-data; boundary=a; boundary=a" };
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(none); i++)
		ck_assert_int_eq(result(none[i], NULL, ""), -SHOAL_EINVAL);
	for (i = 0; i < SH_ARRAY_LEN(no_boundary); i++)
		ck_assert_int_eq(
		    result(no_boundary[i], NULL, ""), -SHOAL_EPROTO);
	ck_assert_int_eq(result(MULTIPART, NULL, ""), -SHOAL_EPROTO);
	ck_assert_int_eq(result(MULTIPART, NULL, "--b-"), -SHOAL_EPROTO);
	ck_assert_int_eq(
	    result(MULTIPART, NULL, NAMED("a\r\n\r\n1\r\n--b")), -SHOAL_EPROTO);
	ck_assert_int_eq(result(MULTIPART, NULL, NAMED("\r\n\r\n1\r\n--b--")),
	    -SHOAL_EPROTO);
}
END_TEST

START_TEST(test_limits)
{
	static const char files[] = NAMED("f;filename=x\r\n\r\n12345\r\n")
	    NAMED("f;filename=y\r\n\r\n\r\n--b--");
	struct shoal_form_options options = in_folder();

	make_folder();
	options.size = 0;
	ck_assert_int_eq(result(URLENCODED, &options, "a"), -SHOAL_EINVAL);
	options.size = sizeof(options);
	options.fields = 2;
	ck_assert_int_eq(result(URLENCODED, &options, "a&&b&"), 0);
	ck_assert_int_eq(
	    result(URLENCODED, &options, "a&b&c"), -SHOAL_EMSGSIZE);
	ck_assert_int_eq(result(MULTIPART, &options, files), 0);
	options.fields = -1;
	options.memory = 4;
	ck_assert_int_eq(result(URLENCODED, &options, "a=1"), 0);
	ck_assert_int_eq(result(URLENCODED, &options, "a=%31%32"), 0);
	ck_assert_int_eq(
	    result(URLENCODED, &options, "a=1234"), -SHOAL_EMSGSIZE);
	ck_assert_int_eq(
	    result(URLENCODED, &options, "a=%31%32%33%34%35"), -SHOAL_EMSGSIZE);
	ck_assert_int_eq(
	    result(MULTIPART, &options, NAMED("a\r\n\r\n12\r\n--b--")), 0);
	ck_assert_int_eq(
	    result(MULTIPART, &options, NAMED("a\r\n\r\n1234\r\n--b--")),
	    -SHOAL_EMSGSIZE);
	options.memory = -1;
	options.files = 1;
	ck_assert_int_eq(result(MULTIPART, &options, files), -SHOAL_EMSGSIZE);
	options.files = 2;
	options.file_size = 5;
	ck_assert_int_eq(result(MULTIPART, &options, files), 0);
	options.file_size = 4;
	ck_assert_int_eq(result(MULTIPART, &options, files), -SHOAL_EMSGSIZE);
	options.file_size = 0;
	options.folder = "/nowhere";
	ck_assert_int_eq(result(MULTIPART, &options, files), -ENOENT);
	remove_folder();
}
END_TEST

START_TEST(test_fields)
{
	static const char body[] = "a%00b=1&a=2%003&a=4";
	struct sh_form *form = NULL;
	size_t len = 7;

	ck_assert_int_eq(
	    receive(URLENCODED, NULL, body, strlen(body), 0, &form), 0);
	/* not the first one */
	ck_assert_mem_eq(sh_form_field(form, "a", &len),
	    "2\0"
	    "3",
	    4);
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_null(sh_form_field(form, "b", &len));
	ck_assert_ptr_null(sh_form_field(form, "A", &len));
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_null(sh_form_field_at(form, 3, NULL, NULL));
	sh_form_free(&form, NULL);
	sh_form_free(&form, NULL);
	ck_assert_ptr_null(sh_form_field(NULL, "a", NULL));
	ck_assert_ptr_null(sh_form_upload_at(NULL, 0));
}
END_TEST

enum { LONG = 3 * 256 * 1024 + 4711 };

/* What a long file has at a place; with beginnings of delimiters. */
static char
get_byte(size_t at)
{
	static const char bytes[] = "\r\n--\r\n--a\r\r\n-";

	return bytes[(at / 7 + at) % (sizeof(bytes) - 1)];
}

static void
check_long(int fd)
{
	char *data = malloc(LONG + 1);
	size_t i;

	ck_assert_ptr_nonnull(data);
	ck_assert_int_eq(pread(fd, data, LONG + 1, 0), LONG);
	for (i = 0; i < LONG; i++)
		if (data[i] != get_byte(i))
			ck_abort_msg("byte %zu", i);
	free(data);
}

static struct sh_form *
receive_long(size_t portion)
{
	static const char front[] = NAMED("f;filename=x\r\n\r\n");
	static const char end[] = "\r\n--b--\r\n";
	struct shoal_form_options options = in_folder();
	char *body = malloc(LONG + sizeof(front) + sizeof(end));
	size_t i, at, len;
	struct sh_form *form;
	const char *why;

	ck_assert_ptr_nonnull(body);
	len = (size_t)sprintf(body, "%s", front);
	for (i = 0; i < LONG; i++)
		body[len++] = get_byte(i);
	len += (size_t)sprintf(body + len, "%s", end);
	ck_assert_int_eq(sh_form_new(MULTIPART, &options, &form, &why), 0);
	for (at = 0; at < len; at += portion)
		ck_assert_int_eq(
		    come(form, body + at,
			len - at < portion ? len - at : portion, &why),
		    0);
	ck_assert_int_eq(sh_form_end(form, &why), 0);
	free(body);
	return form;
}

START_TEST(test_long_file)
{
	static const size_t portions[] = { 1000, 65536, 262144, 10000000 };
	struct sh_form *form;
	size_t i;

	make_folder();
	for (i = 0; i < SH_ARRAY_LEN(portions); i++) {
		form = receive_long(portions[i]);
		ck_assert_int_eq(sh_form_upload_at(form, 0)->size, LONG);
		check_long(sh_form_upload_at(form, 0)->fd);
		sh_form_free(&form, NULL);
	}
	remove_folder();
}
END_TEST

/* A kept file, which is removed again. */
static void
check_kept(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	check_long(fd);
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(test_keep)
{
	char path[128], other[64];
	struct sh_form *form;
	int fd;

	make_folder();
	form = receive_long(65536);
	fd = sh_form_upload_at(form, 0)->fd;
	snprintf(path, sizeof(path), "%s/kept", folder);
	ck_assert_int_eq(sh_form_file_keep(fd, path), 0);
	ck_assert_int_eq(sh_form_file_keep(fd, path), -EEXIST);
	/* it stays, whatever becomes of the form */
	snprintf(other, sizeof(other), "/dev/shm/check_form-%d", getpid());
	ck_assert_int_eq(sh_form_file_keep(fd, other), 0);
	ck_assert_int_eq(sh_form_file_keep(fd, other), -EEXIST);
	ck_assert_int_eq(sh_form_file_keep(fd, "/nowhere/x"), -ENOENT);
	sh_form_free(&form, NULL);
	check_kept(path);
	check_kept(other);
	remove_folder();
}
END_TEST

/* Where there is no O_TMPFILE. */
START_TEST(test_unlinked)
{
	char path[128];
	struct stat st;
	int fd;

	make_folder();
	snprintf(path, sizeof(path), "%s/kept", folder);
	fd = sh_form_file_open_unlinked(folder);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sh_form_file_write(fd, "hello", 5), 0);
	ck_assert_int_eq(sh_form_file_keep(fd, path), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 5);
	ck_assert_int_eq(unlink(path), 0);
	close(fd);
	ck_assert_int_eq(sh_form_file_open_unlinked("/nowhere"), -ENOENT);
	remove_folder();
}
END_TEST

SH_SUITE("session/form", test_whole_and_split, test_refused, test_limits,
    test_fields, test_long_file, test_keep, test_unlinked)
