/*
 * This file tests subscribers in the program, and with them the table of topics:
 * topic/program.c, topics.c, publish.c, fanout.c. No connection is in it.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/buf.h"
#include "support/suite.h"

/* What happened, as text; looked at when shoal_run() has returned. */
static struct sh_buf notes;

static void
setup(void)
{
	sh_buf_init(&notes, SIZE_MAX);
}

static void
run(shoal_co_fn *fn)
{
	setup();
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
}

static void
finish(const char *wanted)
{
	sh_buf_add(&notes, "", 1);
	ck_assert_str_eq(notes.data, wanted);
	sh_buf_fini(&notes);
}

static void
note_message(const struct shoal_topic_message *message, void *arg)
{
	const char *who = arg;

	sh_buf_printf(&notes, "%s%s%s:%.*s;", who != NULL ? who : "",
	    message->event == SHOAL_TOPIC_GAP ? "GAP " : "", message->topic,
	    (int)message->len, message->data);
	if (message->data[message->len] != '\0')
		sh_buf_puts(&notes, "no NUL;");
}

static int
publish(const char *topic, const char *text)
{
	return shoal_publish(topic, SHOAL_WS_TEXT, text, strlen(text), NULL);
}

static struct shoal_subscriber *
make(const char *who)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options),
		.on_message = note_message,
		.arg = (void *)(uintptr_t)who,
	};

	return shoal_subscriber_new(&options);
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 3; i++)
		shoal_co_sleep(0);
}

static void
gets_what_comes(void *arg)
{
	struct shoal_subscriber *s = make(NULL);

	publish("a", "before");
	if (shoal_subscriber_add(s, "a", NULL) != 0 ||
	    shoal_subscriber_add(s, "a", NULL) != -SHOAL_EEXIST)
		sh_buf_puts(&notes, "add;");
	publish("a", "1");
	publish("b", "other");
	publish("a", "2");
	turn();
	publish("a", "3");
	turn();
	if (shoal_subscriber_remove(s, "a") != 0 ||
	    shoal_subscriber_remove(s, "a") != -SHOAL_ENOENT)
		sh_buf_puts(&notes, "remove;");
	publish("a", "after");
	turn();
	shoal_subscriber_free(&s);
	shoal_subscriber_free(&s);
}

START_TEST(test_gets_what_comes)
{
	run(gets_what_comes);
	finish("a:1;a:2;a:3;");
}
END_TEST

static void
gets_each_once(void *arg)
{
	struct shoal_subscriber *s = make(NULL);

	shoal_subscriber_add(s, "chat/+", NULL);
	shoal_subscriber_add(s, "chat/1", NULL);
	publish("chat/1", "x");
	/* for this filter it comes too late, for the others not */
	shoal_subscriber_add(s, "#", NULL);
	publish("chat/1", "y");
	publish("other", "z");
	publish("chat", "w");
	turn();
	shoal_subscriber_free(&s);
}

START_TEST(test_gets_each_once)
{
	run(gets_each_once);
	finish("chat/1:x;chat/1:y;other:z;chat:w;");
}
END_TEST

static void
refuses(void *arg)
{
	static const char *const topics[] = { "", "+", "a/#", "a//b", "$own",
		"a\n" };
	struct shoal_publish_options options = { .size = 1 };
	struct shoal_subscriber *s = make(NULL);
	size_t i;

	for (i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		sh_buf_printf(
		    &notes, "%d", publish(topics[i], "") == -SHOAL_EINVAL);
	sh_buf_printf(&notes, "%d",
	    shoal_publish("a", SHOAL_WS_TEXT, "\xff", 1, NULL) == -EILSEQ);
	sh_buf_printf(&notes, "%d",
	    shoal_publish("a", SHOAL_WS_BINARY, "\xff", 1, NULL) == 0);
	sh_buf_printf(&notes, "%d",
	    shoal_publish("a", (enum shoal_ws_type)8, "", 0, NULL) ==
		-SHOAL_EINVAL);
	sh_buf_printf(&notes, "%d",
	    shoal_publish("a", SHOAL_WS_TEXT, "", 0, &options) ==
		-SHOAL_EINVAL);
	sh_buf_printf(&notes, "%d",
	    shoal_subscriber_add(s, "a/#/b", NULL) == -SHOAL_EINVAL);
	shoal_subscriber_free(&s);
}

START_TEST(test_refuses)
{
	ck_assert_int_eq(publish("a", "x"), -SHOAL_ESTATE);
	ck_assert_ptr_null(make(NULL));
	ck_assert_uint_eq(shoal_topic_local_count("a"), 0);
	run(refuses);
	finish("11111111111");
}
END_TEST

/* --- a coroutine takes ----------------------------------------------------------- */

static void
publish_later(void *arg)
{
	shoal_co_sleep(1);
	publish("t", "late");
}

static void
receives(void *arg)
{
	const struct shoal_topic_message *message;
	struct shoal_subscriber *s = shoal_subscriber_new(NULL);

	shoal_subscriber_add(s, "t", NULL);
	sh_buf_printf(&notes, "%d;",
	    shoal_co_subscriber_receive(s, &message, 0) == -SHOAL_ETIMEDOUT);
	publish("t", "1");
	publish("t", "2");
	turn();
	while (shoal_co_subscriber_receive(s, &message, 0) == 0)
		note_message(message, NULL);
	shoal_co_start(publish_later, NULL, "later");
	if (shoal_co_subscriber_receive(s, &message, SHOAL_FOREVER) == 0)
		note_message(message, NULL);
	shoal_subscriber_free(&s);
}

START_TEST(test_receives)
{
	run(receives);
	finish("1;t:1;t:2;t:late;");
}
END_TEST

static struct shoal_subscriber *shared;

static void
wait_for_ever(void *arg)
{
	const struct shoal_topic_message *message;

	sh_buf_printf(&notes, "%d;",
	    -shoal_co_subscriber_receive(shared, &message, SHOAL_FOREVER));
}

static void
freed_while_waiting(void *arg)
{
	const struct shoal_topic_message *message;

	shared = shoal_subscriber_new(NULL);
	shoal_co_start(wait_for_ever, NULL, "waits");
	sh_buf_printf(&notes, "%d;",
	    shoal_co_subscriber_receive(shared, &message, 1) == -SHOAL_EBUSY);
	shoal_subscriber_free(&shared);
}

START_TEST(test_freed_while_waiting)
{
	char wanted[32];

	run(freed_while_waiting);
	snprintf(wanted, sizeof(wanted), "1;%d;", SHOAL_ECANCELED);
	finish(wanted);
}
END_TEST

static void
leave_waiting(void *arg)
{
	shared = shoal_subscriber_new(NULL);
	shoal_co_start(wait_for_ever, NULL, "waits");
}

/* Nobody is left who could publish. */
START_TEST(test_deadlock)
{
	char wanted[32];

	setup();
	ck_assert_int_eq(shoal_run(leave_waiting, NULL), -SHOAL_EDEADLK);
	shoal_subscriber_free(&shared);
	snprintf(wanted, sizeof(wanted), "%d;", SHOAL_ECANCELED);
	finish(wanted);
}
END_TEST

/* --- more than the queue takes --------------------------------------------------- */

static void
overflows(void *arg)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options), .queue_max = 1000
	};
	const struct shoal_topic_message *message;
	struct shoal_subscriber *s = shoal_subscriber_new(&options);
	char text[600];

	memset(text, 'x', sizeof(text));
	text[1] = '\0';
	shoal_subscriber_add(s, "t", NULL);
	/* one that is longer than the queue goes alone */
	shoal_publish("t", SHOAL_WS_TEXT, text, sizeof(text), NULL);
	shoal_publish("t", SHOAL_WS_TEXT, text, sizeof(text), NULL);
	shoal_publish("t", SHOAL_WS_TEXT, text, sizeof(text), NULL);
	turn();
	while (shoal_co_subscriber_receive(s, &message, 0) == 0)
		sh_buf_printf(&notes, "%s%zu;",
		    message->event == SHOAL_TOPIC_GAP ? "gap " : "",
		    message->len);
	publish("t", "more");
	turn();
	while (shoal_co_subscriber_receive(s, &message, 0) == 0)
		note_message(message, NULL);
	shoal_subscriber_free(&s);
}

START_TEST(test_overflows)
{
	run(overflows);
	finish("600;gap 0;t:more;");
}
END_TEST

/* --- within on_message ------------------------------------------------------------- */

static bool three_came;

static void
wait_and_note(const struct shoal_topic_message *message, void *arg)
{
	sh_buf_printf(&notes, "(%s", message->data);
	shoal_co_sleep(1);
	sh_buf_puts(&notes, ")");
	if (strcmp(message->data, "1") == 0)
		publish("t", "3");
	three_came = strcmp(message->data, "3") == 0;
}

static void
one_after_another(void *arg)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options), .on_message = wait_and_note
	};
	const struct shoal_topic_message *message;
	struct shoal_subscriber *s = shoal_subscriber_new(&options);

	shoal_subscriber_add(s, "t", NULL);
	sh_buf_printf(&notes, "%d",
	    shoal_co_subscriber_receive(s, &message, 1) == -SHOAL_EPERM);
	publish("t", "1");
	publish("t", "2");
	while (!three_came)
		shoal_co_sleep(1);
	shoal_subscriber_free(&s);
}

START_TEST(test_one_after_another)
{
	run(one_after_another);
	finish("1(1)(2)(3)");
}
END_TEST

/* Each of two ends the other one's subscription from within its own. */
static struct shoal_subscriber *pair[2];

static void
end_other(const struct shoal_topic_message *message, void *arg)
{
	struct shoal_subscriber **other = arg;

	sh_buf_puts(&notes, "called;");
	shoal_subscriber_free(other);
}

static void
ends_others(void *arg)
{
	int i;

	for (i = 0; i < 2; i++) {
		const struct shoal_subscriber_options options = {
			.size = sizeof(options),
			.on_message = end_other,
			.arg = &pair[1 - i],
		};

		pair[i] = shoal_subscriber_new(&options);
		shoal_subscriber_add(pair[i], "t", NULL);
		shoal_subscriber_add(pair[i], "#", NULL);
	}
	publish("t", "x");
	turn();
	shoal_subscriber_free(&pair[0]);
	shoal_subscriber_free(&pair[1]);
}

START_TEST(test_ends_others)
{
	run(ends_others);
	finish("called;");
}
END_TEST

/* --- figures -------------------------------------------------------------------- */

static void
counts(void *arg)
{
	struct shoal_subscriber *a = make("a"), *b = make("b");

	shoal_subscriber_add(a, "t/1", NULL);
	sh_buf_printf(&notes, "%d", (int)shoal_topic_local_count("t/1"));
	shoal_subscriber_add(a, "t/+", NULL);
	shoal_subscriber_add(b, "t/#", NULL);
	sh_buf_printf(&notes, "%d", (int)shoal_topic_local_count("t/1"));
	sh_buf_printf(&notes, "%d", (int)shoal_topic_local_count("t"));
	sh_buf_printf(&notes, "%d", (int)shoal_topic_local_count("x"));
	shoal_subscriber_free(&a);
	sh_buf_printf(&notes, "%d", (int)shoal_topic_local_count("t/1"));
	shoal_subscriber_free(&b);
	sh_buf_printf(&notes, "%d", (int)shoal_topic_local_count("t/1"));
	sh_buf_printf(&notes, "%d", shoal_co_topic_settle(0));
}

START_TEST(test_counts)
{
	run(counts);
	finish("1210100");
}
END_TEST

/* Those that are left when shoal_run() returns stay the program's. */
static void
leave_behind(void *arg)
{
	shared = make(NULL);
	shoal_subscriber_add(shared, "t", NULL);
	publish("t", "x");
}

START_TEST(test_left_behind)
{
	run(leave_behind);
	ck_assert_int_eq(
	    shoal_subscriber_add(shared, "u", NULL), -SHOAL_ESTATE);
	ck_assert_int_eq(shoal_subscriber_remove(shared, "t"), -SHOAL_ENOENT);
	shoal_subscriber_free(&shared);
	/* what was on its way has been called with */
	finish("t:x;");
	run(gets_what_comes);
	finish("a:1;a:2;a:3;");
}
END_TEST

SH_SUITE("topic/program", test_gets_what_comes, test_gets_each_once,
    test_refuses, test_receives, test_freed_while_waiting, test_deadlock,
    test_overflows, test_one_after_another, test_ends_others, test_counts,
    test_left_behind)
