/* This file is <shoal/topic.h>: subscribers in the program. */
#include "config.h"

#include <shoal/topic.h>

#include "api/topics_now.h"
#include "io/await.h"
#include "topic/program.h"

struct shoal_subscriber *
shoal_subscriber_new(const struct shoal_subscriber_options *options)
{
	struct sh_topics *topics;

	return sh_topics_now(&topics) == 0 ? sh_program_new(topics, options)
					   : NULL;
}

void
shoal_subscriber_free(struct shoal_subscriber **subscriber)
{
	sh_program_free(subscriber);
}

int
shoal_subscriber_add(struct shoal_subscriber *subscriber, const char *filter,
    const struct shoal_subscribe_options *options)
{
	return sh_program_add(subscriber, filter, options);
}

int
shoal_subscriber_remove(struct shoal_subscriber *subscriber, const char *filter)
{
	return sh_program_remove(subscriber, filter);
}

int
shoal_co_subscriber_receive(struct shoal_subscriber *subscriber,
    const struct shoal_topic_message **message_out, int timeout_ms)
{
	(void)sh_await_self(__func__);
	return sh_program_receive(
	    subscriber, message_out, sh_deadline_us(timeout_ms));
}
