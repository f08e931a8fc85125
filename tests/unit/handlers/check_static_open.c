/*
 * This file tests handlers/static_open.c: the same paths with openat2(2), and
 * without it, as on a kernel before 5.6.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "handlers/static.h"
#include "support/suite.h"

enum { PATH_SIZE = 256 };

static char folder[PATH_SIZE / 2];
static char root[PATH_SIZE];
static struct sh_static site = {
	.root = root, .index = "index.html", .precompressed = true
};

static void
put(const char *name, const char *text)
{
	char path[2 * PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void
put_folder(const char *name)
{
	char path[2 * PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
put_link(const char *name, const char *target)
{
	char path[2 * PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void
set_up(void)
{
	strcpy(folder, "/tmp/shoal-static-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(root, sizeof(root), "%s/root", folder);
	put_folder("");
	put("../secret", "secret");
	put("index.html", "index");
	put_folder("a");
	put("a/b", "deep");
	put("a/b.gz", "packed");
	put_folder("a/index.html");
	put_link("inside", "a/b");
	put_link("folder", "a");
	put_link("relative", "../secret");
	put_link("up", "..");
	put_link("top", "/");
	put_link("loop", "loop");
}

static void
tear_down(void)
{
	char command[PATH_SIZE];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

/* From now on the kernel does not know openat2(2). */
static void
forget_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = SH_ARRAY_LEN(code),
		.filter = code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

struct row {
	const char *path, *text; /* NULL: no file, but ... */
	int status;
};

static const struct row always[] = {
	{ "", "index", 200 },
	{ "index.html", "index", 200 },
	{ "a/b", "deep", 200 },
	{ "a//b", "deep", 200 },
	{ "a", NULL, 308 },
	{ "a/", NULL, 404 },
	{ "no", NULL, 404 },
	{ "no/", NULL, 404 },
	{ "a/b/", NULL, 404 },
	{ "a/b/c", NULL, 404 },
	{ "../secret", NULL, 404 },
	{ "a/../../secret", NULL, 404 },
	{ "/etc/passwd", NULL, 404 },
	{ "relative", NULL, 404 },
	{ "up/secret", NULL, 404 },
	{ "top/etc/passwd", NULL, 404 },
	{ "loop", NULL, 404 },
	{ "loop/x", NULL, 404 },
};

static void
check_rows(const struct row *rows, size_t count)
{
	char text[64];
	ssize_t n;
	size_t i;

	for (i = 0; i < count; i++) {
		struct sh_static_file file = { .site = &site,
			.path = rows[i].path,
			.wanted = { 0, 0, 1000 } };

		sh_static_open(&file);
		ck_assert_msg(file.status == rows[i].status, "\"%s\": %d",
		    rows[i].path, file.status);
		ck_assert_int_eq(file.fd >= 0, rows[i].text != NULL);
		if (file.fd < 0)
			continue;
		n = read(file.fd, text, sizeof(text));
		ck_assert_int_eq(n, (ssize_t)strlen(rows[i].text));
		ck_assert_mem_eq(text, rows[i].text, (size_t)n);
		close(file.fd);
	}
}

static int
count_descriptors(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(test_openat2)
{
	static const struct row links[] = {
		{ "inside", "deep", 200 },
		{ "folder/b", "deep", 200 },
		{ "folder", NULL, 308 },
	};
	int before = count_descriptors();

	set_up();
	check_rows(always, SH_ARRAY_LEN(always));
	check_rows(links, SH_ARRAY_LEN(links));
	ck_assert_int_eq(count_descriptors(), before);
	tear_down();
}
END_TEST

/* Where links cannot be followed safely, they are not followed. */
START_TEST(test_components)
{
	static const struct row links[] = {
		{ "inside", NULL, 404 },
		{ "folder/b", NULL, 404 },
		{ "folder", NULL, 404 },
	};
	int before;

	set_up();
	forget_openat2();
	before = count_descriptors();
	check_rows(always, SH_ARRAY_LEN(always));
	check_rows(links, SH_ARRAY_LEN(links));
	ck_assert_int_eq(count_descriptors(), before);
	tear_down();
}
END_TEST

START_TEST(test_coding)
{
	struct sh_static_file file = {
		.site = &site, .path = "a/b", .wanted = { 1000, 500, 500 }
	};

	set_up();
	sh_static_open(&file);
	ck_assert_int_eq(file.status, 200);
	ck_assert_int_eq(file.coding, SH_STATIC_GZIP);
	ck_assert(file.varies);
	close(file.fd);
	file.wanted[SH_STATIC_GZIP] = 499;
	sh_static_open(&file);
	ck_assert_int_eq(file.coding, SH_STATIC_IDENTITY);
	ck_assert(file.varies);
	close(file.fd);
	tear_down();
}
END_TEST

START_TEST(test_no_descriptor)
{
	struct sh_static_file file = { .site = &site, .path = "a/b" };
	static const struct rlimit few = { 64, 64 };
	int fds[64], count = 0, fd;

	set_up();
	/* one is left, for the root */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fd = open("/", O_PATH | O_CLOEXEC)) >= 0 && count < 64)
		fds[count++] = fd;
	ck_assert_int_gt(count, 0);
	close(fds[--count]);
	sh_static_open(&file);
	ck_assert_int_eq(file.status, 503);
	ck_assert_int_lt(file.fd, 0);
	while (count > 0)
		close(fds[--count]);
	sh_static_open(&file);
	ck_assert_int_eq(file.status, 200);
	close(file.fd);
	tear_down();
}
END_TEST

START_TEST(test_no_root)
{
	struct sh_static_file file = { .site = &site, .path = "" };

	snprintf(root, sizeof(root), "/tmp/shoal-static-none/x");
	sh_static_open(&file);
	ck_assert_int_eq(file.status, 404);
	ck_assert_int_lt(file.fd, 0);
}
END_TEST

SH_SUITE("handlers/static_open", test_openat2, test_components, test_coding,
    test_no_descriptor, test_no_root)
