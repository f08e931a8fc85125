/*
 * This file is the scripts; they run in Redis 5.0 and later. Numbers are doubles in
 * there, so epochs stay text, and offsets are exact up to 2^53.
 */
#include "config.h"

#include "broker/redis_scripts.h"

/* Only what is over a bound is looked at: "first" is when the oldest entry was
 * published, so a publication that is within the bounds reads none. */
static const char publish[] =
    "local stream, place = KEYS[1], KEYS[2]\n"
    "local now, count, bytes, age = tonumber(ARGV[3]), tonumber(ARGV[4]),\n"
    "	tonumber(ARGV[5]), tonumber(ARGV[6])\n"
    "local h = redis.call('HMGET', place, 'epoch', 'bytes', 'first')\n"
    "local epoch, size, first = h[1], tonumber(h[2]), tonumber(h[3])\n"
    "if not epoch then\n"
    "	epoch, size = ARGV[2], 0\n"
    "	redis.call('DEL', stream)\n"
    "	redis.call('HMSET', place, 'epoch', epoch, 'offset', 0)\n"
    "end\n"
    "local offset = string.format('%.0f',\n"
    "	redis.call('HINCRBY', place, 'offset', 1))\n"
    "redis.call('XADD', stream, offset .. '-0', 't', ARGV[3], 'c', ARGV[7],\n"
    "	'm', ARGV[8])\n"
    "local n = redis.call('XLEN', stream)\n"
    "if n == 1 then size, first = 0, now end\n"
    "size = (size or 0) + tonumber(ARGV[7])\n"
    "first = first or now\n"
    "while n > 0 do\n"
    "	local over = (count > 0 and n > count) or (bytes > 0 and size > bytes)\n"
    "	if not over and (age == 0 or first >= now - age) then break end\n"
    "	local e = redis.call('XRANGE', stream, '-', '+', 'COUNT', 2)\n"
    "	first = tonumber(e[1][2][2])\n"
    "	if not over and first >= now - age then break end\n"
    "	size = size - tonumber(e[1][2][4])\n"
    "	first = e[2] and tonumber(e[2][2][2]) or now\n"
    "	redis.call('XDEL', stream, e[1][1])\n"
    "	n = n - 1\n"
    "end\n"
    "redis.call('HMSET', place, 'bytes', string.format('%.0f', size),\n"
    "	'first', string.format('%.0f', first))\n"
    "if age > 0 then\n"
    "	redis.call('PEXPIRE', stream, ARGV[6])\n"
    "	redis.call('PEXPIRE', place, string.format('%.0f',\n"
    "		2 * age + 86400000))\n"
    "else\n"
    "	redis.call('PERSIST', stream)\n"
    "	redis.call('PERSIST', place)\n"
    "end\n"
    "redis.call('PUBLISH', ARGV[1],\n"
    "	'K' .. epoch .. ' ' .. offset .. ' ' .. ARGV[8])\n"
    "return offset\n";

static const char read_page[] =
    "local h = redis.call('HMGET', KEYS[2], 'epoch', 'offset')\n"
    "if not h[1] then\n"
    "	return { '0', '0', ARGV[1] == '0' and 0 or 1, 0 }\n"
    "end\n"
    "local last, from, gap = tonumber(h[2]), 0, 0\n"
    "local oldest, page = tonumber(ARGV[4]), tonumber(ARGV[5])\n"
    "local function range(at, count)\n"
    "	return redis.call('XRANGE', KEYS[1], string.format('%.0f-0', at),\n"
    "		'+', 'COUNT', count)\n"
    "end\n"
    "if ARGV[1] == h[1] and tonumber(ARGV[2]) <= last then\n"
    "	from = tonumber(ARGV[2])\n"
    "elseif ARGV[1] ~= '0' then\n"
    "	gap = 1\n"
    "end\n"
    "if gap == 0 and ARGV[1] ~= '0' and from < last then\n"
    "	local e = range(from + 1, 1)[1]\n"
    "	if not e or tonumber(string.match(e[1], '^%d+')) ~= from + 1 or\n"
    "		tonumber(e[2][2]) < oldest then gap = 1 end\n"
    "end\n"
    "local max, until_ = tonumber(ARGV[3]), tonumber(ARGV[6])\n"
    "if max >= 0 and last - max > from then from = last - max end\n"
    "if until_ == 0 or until_ > last then until_ = last end\n"
    "local out, size, more = { h[1], h[2], gap, 0 }, 0, true\n"
    "while more do\n"
    "	local list = range(from + 1, 8)\n"
    "	more = false\n"
    "	for _, e in ipairs(list) do\n"
    "		from = tonumber(string.match(e[1], '^%d+'))\n"
    "		more = from < until_\n"
    "		if from > until_ then break end\n"
    "		if tonumber(e[2][2]) >= oldest then\n"
    "			out[#out + 1] = string.format('%.0f', from)\n"
    "			out[#out + 1] = e[2][6]\n"
    "			size = size + #e[2][6]\n"
    "		end\n"
    "		if more and size >= page then\n"
    "			out[4] = 1\n"
    "			return out\n"
    "		end\n"
    "	end\n"
    "end\n"
    "return out\n";

static const char renew[] =
    "local h = redis.call('HMGET', KEYS[2], 'epoch', 'offset')\n"
    "if h[1] ~= ARGV[1] or tonumber(h[2]) >= tonumber(ARGV[2]) then\n"
    "	return 0\n"
    "end\n"
    "redis.call('DEL', KEYS[1])\n"
    "redis.call('HMSET', KEYS[2], 'epoch', ARGV[3], 'offset', 0)\n"
    "redis.call('HDEL', KEYS[2], 'bytes', 'first')\n"
    "return 1\n";

const char *const sh_redis_scripts[SH_REDIS_SCRIPTS] = {
	[SH_REDIS_SCRIPT_PUBLISH] = publish,
	[SH_REDIS_SCRIPT_READ] = read_page,
	[SH_REDIS_SCRIPT_RENEW] = renew,
};
