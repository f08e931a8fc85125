/* This file tests io/id_table.c. */
#include "config.h"

#include "io/id_table.h"
#include "support/suite.h"

enum { COUNT = 5000 };

START_TEST(nodes_are_found_until_removed)
{
	static struct sh_id_node nodes[COUNT];
	struct sh_id_table table = { 0 };
	uint64_t i;

	ck_assert_ptr_null(sh_id_table_find(&table, 1));
	for (i = 0; i < COUNT; i++) {
		nodes[i].id = ((uint64_t)7 << 40) | i;
		ck_assert_int_eq(sh_id_table_add(&table, &nodes[i]), 0);
	}
	for (i = 0; i < COUNT; i += 2)
		sh_id_table_remove(&table, &nodes[i]);
	for (i = 0; i < COUNT; i++)
		ck_assert_ptr_eq(sh_id_table_find(&table, nodes[i].id),
		    i % 2 == 0 ? NULL : &nodes[i]);
	ck_assert_ptr_null(sh_id_table_find(&table, 5));
	ck_assert_uint_eq(table.count, COUNT / 2);
	sh_id_table_fini(&table);
}
END_TEST

START_TEST(any_empties_a_table)
{
	struct sh_id_node nodes[3] = { { .id = 1 }, { .id = 2 }, { .id = 3 } };
	struct sh_id_table table = { 0 };
	struct sh_id_node *node;
	int n = 0;

	ck_assert_ptr_null(sh_id_table_any(&table));
	for (n = 0; n < 3; n++)
		sh_id_table_add(&table, &nodes[n]);
	for (n = 0; (node = sh_id_table_any(&table)) != NULL; n++)
		sh_id_table_remove(&table, node);
	ck_assert_int_eq(n, 3);
	sh_id_table_fini(&table);
}
END_TEST

SH_SUITE("io/id_table", nodes_are_found_until_removed, any_empties_a_table)
