/*
 * This file gives arbitrary bytes to the decoders of questions and answers about
 * subscribers. What they take is what the encoders would have written.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/panic.h"
#include "topic/presence_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_question(const uint8_t *data, size_t size)
{
	struct sh_question question;
	uint8_t head[SH_QUESTION_HEAD];

	if (sh_question_decode(&question, data, size) < 0)
		return;
	sh_assert(question.topic_len + SH_QUESTION_HEAD == size);
	sh_question_encode(&question, head);
	sh_assert(memcmp(head, data, sizeof(head)) == 0);
}

static void
try_answer(const uint8_t *data, size_t size)
{
	struct sh_answer answer;
	struct sh_entry entry;
	uint8_t head[SH_ANSWER_HEAD];
	const uint8_t *at;
	size_t left;

	if (sh_answer_decode(&answer, data, size) < 0)
		return;
	sh_answer_encode(&answer, head);
	sh_assert(memcmp(head, data, sizeof(head)) == 0);
	at = answer.entries;
	left = answer.len;
	while (sh_entry_next(&at, &left, &entry))
		sh_assert((const uint8_t *)entry.name + entry.name_len <=
		    data + size);
	sh_assert(left == 0 && at == data + size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_question(data, size);
	try_answer(data, size);
	return 0;
}
