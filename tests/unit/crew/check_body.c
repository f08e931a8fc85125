/* This file tests crew/crew_body.c. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "crew/crew_body.h"
#include "support/descriptors.h"
#include "support/suite.h"

START_TEST(bytes_come_back)
{
	static const size_t sizes[] = { 0, 1, SH_MESSAGE_TEXT_MAX,
		SH_MESSAGE_TEXT_MAX + 1, 100000 };
	size_t i, before = count_descriptors();

	for (i = 0; i < SH_ARRAY_LEN(sizes); i++) {
		char *data = malloc(sizes[i] + 1);
		struct sh_body sent, taken;
		struct sh_message message;
		struct sh_view view;

		memset(data, 'x', sizes[i]);
		ck_assert_int_eq(sh_body_make(&sent, data, sizes[i]), 0);
		ck_assert_int_eq(sent.fd >= 0, sizes[i] > SH_MESSAGE_TEXT_MAX);
		sh_body_put(&sent, 3, &message);
		ck_assert_int_eq(message.value, 3);
		ck_assert_int_eq(sh_body_take(&taken, &message, &sent.fd), 0);
		ck_assert_int_eq(sent.fd, -1);
		ck_assert_uint_eq(taken.len, sizes[i]);
		ck_assert_int_eq(sh_view_open(&view, &taken), 0);
		ck_assert_ptr_nonnull(view.data);
		ck_assert_uint_eq(
		    (uintptr_t)view.data % _Alignof(max_align_t), 0);
		ck_assert_mem_eq(view.data, data, sizes[i]);
		sh_view_close(&view);
		sh_body_close(&taken);
		sh_body_close(&sent);
		free(data);
	}
	ck_assert_uint_eq(count_descriptors(), before);
}
END_TEST

START_TEST(what_can_change_is_refused)
{
	struct sh_message message = { .type = SH_MESSAGE_PARCEL };
	struct sh_body body;
	int fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, 5000), 0);
	ck_assert_int_eq(sh_body_take(&body, &message, &fd), -SHOAL_EINVAL);
	ck_assert_int_ge(fd, 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	ck_assert_int_eq(sh_body_take(&body, &message, &fd), 0);
	ck_assert_uint_eq(body.len, 5000);
	sh_body_close(&body);
	sh_body_close(&body);
	/* the kernel had no place for it */
	fd = -1;
	ck_assert_int_eq(sh_body_take(&body, &message, &fd), -EMFILE);
}
END_TEST

START_TEST(pairs_come_back)
{
	static const uint32_t numbers[] = { 0, 1, 0x80000000, UINT32_MAX };
	size_t i, j;

	for (i = 0; i < SH_ARRAY_LEN(numbers); i++)
		for (j = 0; j < SH_ARRAY_LEN(numbers); j++) {
			int64_t pair = sh_pair_pack(numbers[i], numbers[j]);

			ck_assert_uint_eq(sh_pair_first(pair), numbers[i]);
			ck_assert_uint_eq(sh_pair_second(pair), numbers[j]);
		}
}
END_TEST

SH_SUITE(
    "crew/body", bytes_come_back, what_can_change_is_refused, pairs_come_back)
