/* This file tests topic/wild.c and hash.c, beside the plain way to match. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "support/suite.h"
#include "topic/filter.h"
#include "topic/hash.h"
#include "topic/wild.h"

enum { FILTERS = 400, TOPICS = 2000 };

struct item {
	struct sh_hash_node node;
	int number, seen;
};

struct entry {
	char text[64];
	int found;
};

static uint32_t state;

static uint32_t
draw(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

/* One of few words in each place, so that much matches. */
static void
make_name(char text[64], bool wild)
{
	static const char *const words[] = { "a", "b", "cc", "$d" };
	size_t depth = 1 + draw(4), i, len = 0;

	for (i = 0; i < depth; i++) {
		const char *word = words[draw(i == 0 && wild ? 3 : 4)];

		if (wild && draw(3) == 0)
			word = i + 1 == depth && draw(2) == 0 ? "#" : "+";
		len += (size_t)snprintf(
		    text + len, 64 - len, "%s%s", i != 0 ? "/" : "", word);
	}
}

static void
count_found(void *owner, void *arg)
{
	struct entry *entry = owner;

	entry->found++;
	(*(int *)arg)++;
}

static bool
is_there(const struct entry *entries, size_t count, const char *text)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(entries[i].text, text) == 0)
			return true;
	return false;
}

static void
add_filters(struct sh_wild *wild, struct entry *entries)
{
	size_t i;

	for (i = 0; i < FILTERS; i++) {
		char *text = entries[i].text;

		do
			make_name(text, true);
		while (!sh_filter_is_wild(text, strlen(text)) ||
		    is_there(entries, i, text));
		ck_assert(sh_filter_is_valid(text, strlen(text)));
		ck_assert_int_eq(
		    sh_wild_add(wild, text, strlen(text), &entries[i]), 0);
	}
}

/* Those from first on are in the tree. */
static int
check_topic(struct sh_wild *wild, struct entry *entries, size_t first,
    const char *topic)
{
	int calls = 0, matches = 0;
	size_t i;

	for (i = 0; i < FILTERS; i++)
		entries[i].found = 0;
	sh_wild_match(wild, topic, strlen(topic), count_found, &calls);
	for (i = 0; i < FILTERS; i++) {
		bool right = i >= first &&
		    sh_filter_matches(entries[i].text, strlen(entries[i].text),
			topic, strlen(topic));

		ck_assert_msg(entries[i].found == right, "%s %s: %d times",
		    entries[i].text, topic, entries[i].found);
		matches += right;
	}
	ck_assert_int_eq(calls, matches);
	return matches;
}

START_TEST(test_as_the_plain_way)
{
	static struct entry entries[FILTERS];
	struct sh_wild wild;
	char topic[64];
	int i, matches = 0;
	size_t gone;

	state = 1;
	ck_assert_int_eq(sh_wild_init(&wild, 7), 0);
	add_filters(&wild, entries);
	for (i = 0; i < TOPICS; i++) {
		make_name(topic, false);
		matches += check_topic(&wild, entries, 0, topic);
	}
	ck_assert_int_gt(matches, TOPICS);
	for (gone = 0; gone < FILTERS; gone++) {
		const char *text = entries[gone].text;

		sh_wild_remove(&wild, text, strlen(text));
		make_name(topic, false);
		check_topic(&wild, entries, gone + 1, topic);
	}
	/* nothing is left of them */
	ck_assert_uint_eq(wild.count, 0);
	ck_assert_uint_eq(wild.edges.count, 0);
	sh_wild_fini(&wild);
}
END_TEST

static void
note_item(struct sh_hash_node *node, void *arg)
{
	struct item *item = SH_CONTAINER(node, struct item, node);

	item->seen++;
	if (item->number % 2 == 0)
		sh_hash_remove(arg, node);
}

static size_t
count_with_hash(const struct sh_hash *table, uint64_t hash)
{
	struct sh_hash_node *node = sh_hash_find(table, hash);
	size_t n = 0;

	for (; node != NULL; node = sh_hash_find_next(node)) {
		ck_assert_uint_eq(node->hash, hash);
		n++;
	}
	return n;
}

START_TEST(test_hash)
{
	static struct item items[1000];
	struct sh_hash table;
	int i;

	ck_assert_int_eq(sh_hash_init(&table, 1), 0);
	for (i = 0; i < 1000; i++) {
		/* three of each */
		items[i].node.hash = (uint64_t)i / 3;
		items[i].number = i;
		sh_hash_add(&table, &items[i].node);
	}
	ck_assert_uint_eq(table.count, 1000);
	for (i = 0; i < 333; i++)
		ck_assert_uint_eq(count_with_hash(&table, (uint64_t)i), 3);
	ck_assert_uint_eq(count_with_hash(&table, 1000), 0);
	sh_hash_each(&table, note_item, &table);
	ck_assert_uint_eq(table.count, 500);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(items[i].seen, 1);
	sh_hash_fini(&table);
	sh_hash_fini(&table);
}
END_TEST

SH_SUITE("topic/wild", test_as_the_plain_way, test_hash)
