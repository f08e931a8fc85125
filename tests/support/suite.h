/*
 * This file is the main() of a unit test: it defines no tests. A test file
 * names its suite and lists its functions:
 *
 *	SH_SUITE("base/text", test_a, test_b)
 */
#pragma once

#include <check.h>
#include <stdlib.h>

#define SH_SUITE(title, ...)                                             \
	int main(void)                                                   \
	{                                                                \
		const TTest *const tests[] = { __VA_ARGS__ };            \
		Suite *suite = suite_create(title);                      \
		SRunner *runner = srunner_create(suite);                 \
		size_t i;                                                \
		int failed;                                              \
                                                                         \
		for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) { \
			TCase *tcase = tcase_create(tests[i]->name);     \
                                                                         \
			tcase_set_timeout(tcase, 30);                    \
			tcase_add_test(tcase, tests[i]);                 \
			suite_add_tcase(suite, tcase);                   \
		}                                                        \
		srunner_run_all(runner, CK_ENV);                         \
		failed = srunner_ntests_failed(runner);                  \
		srunner_free(runner);                                    \
		return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;        \
	}
