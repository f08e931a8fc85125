/* This file is a message that is kept while it is on its way. */
#include "config.h"

#include "topic/message.h"

#include <stdlib.h>
#include <string.h>

/* A text and the NUL behind it. Returns where it lies; *at is behind it then. */
static char *
put(char **at, const void *text, size_t len)
{
	char *begin = *at;

	if (len != 0)
		memcpy(begin, text, len);
	begin[len] = '\0';
	*at = begin + len + 1;
	return begin;
}

struct sh_message *
sh_message_new(const struct sh_publication *publication)
{
	size_t key_len = publication->key != NULL ? publication->key_len : 0;
	size_t more = publication->topic_len + key_len + 3;
	struct sh_message *message;
	char *at;

	if (publication->len > SIZE_MAX - sizeof(*message) - more)
		return NULL;
	message = malloc(sizeof(*message) + more + publication->len);
	if (message == NULL)
		return NULL;
	message->users = 1;
	message->is_gap = message->replayed = false;
	message->seq = 0;
	message->publication = *publication;
	at = message->bytes;
	message->publication.topic =
	    put(&at, publication->topic, publication->topic_len);
	message->key = publication->hash;
	if (publication->key != NULL) {
		message->publication.key = put(&at, publication->key, key_len);
		message->key = sh_topic_hash(publication->key, key_len);
	}
	message->publication.data =
	    put(&at, publication->data, publication->len);
	return message;
}

struct sh_message *
sh_message_new_gap(const char *filter, size_t len)
{
	const struct sh_publication publication = {
		.topic = filter,
		.topic_len = len,
		.hash = sh_topic_hash(filter, len),
		.type = SHOAL_WS_TEXT,
	};
	struct sh_message *message = sh_message_new(&publication);

	if (message == NULL)
		return NULL;
	message->is_gap = true;
	/* with the NUL, which is in no key: a gap may replace an older one, but
	 * no message */
	message->key = sh_topic_hash(message->publication.topic, len + 1);
	return message;
}

struct sh_message *
sh_message_hold(struct sh_message *message)
{
	message->users++;
	return message;
}

void
sh_message_drop(struct sh_message **message)
{
	if (*message != NULL && --(*message)->users == 0)
		free(*message);
	*message = NULL;
}

struct shoal_topic_message
sh_message_view(const struct sh_message *message, uint64_t node)
{
	const struct sh_publication *publication = &message->publication;

	return (struct shoal_topic_message){
		.event =
		    message->is_gap ? SHOAL_TOPIC_GAP : SHOAL_TOPIC_MESSAGE,
		.type = (enum shoal_ws_type)publication->type,
		.topic = publication->topic,
		.data = publication->data,
		.len = publication->len,
		/* numbers of connections are a server's own */
		.from = publication->node == node ? publication->sender : 0,
		.time_ms = publication->time_ms,
		.epoch = publication->epoch,
		.offset = publication->offset,
		.replayed = message->replayed,
	};
}

size_t
sh_message_size(const struct sh_message *message)
{
	return sizeof(*message) + message->publication.topic_len +
	    message->publication.key_len + message->publication.len;
}
