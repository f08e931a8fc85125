/* This file fills in the events that a WebSocket receiver gives. */
#include "config.h"

#include "proto/ws_partial.h"

#include "proto/ws_frame.h"

int
sh_ws_give_error(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    unsigned code, const char *why)
{
	receiver->over = true;
	sh_ws_partial_drop(receiver);
	*event = (struct sh_ws_event){
		.type = SH_WS_EVENT_ERROR,
		.code = code,
		.why = why,
	};
	return 1;
}

int
sh_ws_give_message(
    struct sh_ws_event *event, bool text, uint8_t *payload, size_t len)
{
	*event = (struct sh_ws_event){
		.type = SH_WS_EVENT_MESSAGE,
		.text = text,
		.data = (char *)payload,
		.len = len,
	};
	return 1;
}

static int
give_close(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    uint8_t *payload, size_t len)
{
	unsigned code = SH_WS_NO_CODE;
	size_t skip = 0;

	if (len == 1)
		return sh_ws_give_error(receiver, event, SH_WS_PROTOCOL_ERROR,
		    "a close frame has half a code");
	if (len != 0) {
		skip = 2;
		code = (unsigned)payload[0] << 8 | payload[1];
		if (!sh_ws_code_is_allowed(code))
			return sh_ws_give_error(receiver, event,
			    SH_WS_PROTOCOL_ERROR,
			    "a close frame has a code that is not allowed");
		if (!sh_utf8_is_valid(payload + skip, len - skip))
			return sh_ws_give_error(receiver, event, SH_WS_BAD_DATA,
			    "the reason of a close frame is not UTF-8");
	}
	receiver->over = true;
	*event = (struct sh_ws_event){
		.type = SH_WS_EVENT_CLOSE,
		.code = code,
		.data = (char *)payload + skip,
		.len = len - skip,
	};
	return 1;
}

int
sh_ws_give_control(struct sh_ws_receiver *receiver, struct sh_ws_event *event,
    enum sh_ws_opcode opcode, uint8_t *payload, size_t len)
{
	if (opcode == SH_WS_CLOSE)
		return give_close(receiver, event, payload, len);
	*event = (struct sh_ws_event){
		.type =
		    opcode == SH_WS_PING ? SH_WS_EVENT_PING : SH_WS_EVENT_PONG,
		.data = (char *)payload,
		.len = len,
	};
	return 1;
}

int
sh_ws_give_bad_text(struct sh_ws_receiver *receiver, struct sh_ws_event *event)
{
	return sh_ws_give_error(
	    receiver, event, SH_WS_BAD_DATA, "a text message is not UTF-8");
}
