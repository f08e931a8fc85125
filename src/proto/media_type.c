/*
 * This file knows the media types of files by their names; it does not look
 * into files. https://www.iana.org/assignments/media-types
 */
#include "config.h"

#include "proto/media_type.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/http_chars.h"

struct type {
	const char *suffix; /* in lower case */
	const char *type;
};

#define UTF8 "; charset=utf-8"

/* Sorted by suffix. */
static const struct type types[] = {
	{ "3gp", "video/3gpp" },
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "apng", "image/apng" },
	{ "appcache", "text/cache-manifest" UTF8 },
	{ "asc", "text/plain" UTF8 },
	{ "atom", "application/atom+xml" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "bin", "application/octet-stream" },
	{ "bmp", "image/bmp" },
	{ "br", "application/x-brotli" },
	{ "bz2", "application/x-bzip2" },
	{ "c", "text/plain" UTF8 },
	{ "cer", "application/pkix-cert" },
	{ "cjs", "text/javascript" UTF8 },
	{ "conf", "text/plain" UTF8 },
	{ "crl", "application/pkix-crl" },
	{ "crt", "application/x-x509-ca-cert" },
	{ "css", "text/css" UTF8 },
	{ "csv", "text/csv" UTF8 },
	{ "deb", "application/vnd.debian.binary-package" },
	{ "doc", "application/msword" },
	{ "docx",
	    "application/vnd.openxmlformats-officedocument."
	    "wordprocessingml.document" },
	{ "dtd", "application/xml-dtd" },
	{ "eot", "application/vnd.ms-fontobject" },
	{ "eps", "application/postscript" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "flv", "video/x-flv" },
	{ "geojson", "application/geo+json" },
	{ "gif", "image/gif" },
	{ "glb", "model/gltf-binary" },
	{ "gltf", "model/gltf+json" },
	{ "gpx", "application/gpx+xml" },
	{ "gz", "application/gzip" },
	{ "h", "text/plain" UTF8 },
	{ "heic", "image/heic" },
	{ "heif", "image/heif" },
	{ "htm", "text/html" UTF8 },
	{ "html", "text/html" UTF8 },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "ics", "text/calendar" UTF8 },
	{ "iso", "application/x-iso9660-image" },
	{ "jar", "application/java-archive" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript" UTF8 },
	{ "json", "application/json" },
	{ "json5", "application/json5" },
	{ "jsonld", "application/ld+json" },
	{ "jxl", "image/jxl" },
	{ "kml", "application/vnd.google-earth.kml+xml" },
	{ "kmz", "application/vnd.google-earth.kmz" },
	{ "log", "text/plain" UTF8 },
	{ "m3u8", "application/vnd.apple.mpegurl" },
	{ "m4a", "audio/mp4" },
	{ "m4v", "video/mp4" },
	{ "manifest", "text/cache-manifest" UTF8 },
	{ "map", "application/json" },
	{ "markdown", "text/markdown" UTF8 },
	{ "md", "text/markdown" UTF8 },
	{ "mid", "audio/midi" },
	{ "midi", "audio/midi" },
	{ "mjs", "text/javascript" UTF8 },
	{ "mkv", "video/matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpd", "application/dash+xml" },
	{ "mpeg", "video/mpeg" },
	{ "mpg", "video/mpeg" },
	{ "odp", "application/vnd.oasis.opendocument.presentation" },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ "odt", "application/vnd.oasis.opendocument.text" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "opus", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "pdf", "application/pdf" },
	{ "pem", "application/x-pem-file" },
	{ "png", "image/png" },
	{ "ppt", "application/vnd.ms-powerpoint" },
	{ "pptx",
	    "application/vnd.openxmlformats-officedocument."
	    "presentationml.presentation" },
	{ "ps", "application/postscript" },
	{ "rar", "application/vnd.rar" },
	{ "rdf", "application/rdf+xml" },
	{ "rss", "application/rss+xml" },
	{ "rtf", "application/rtf" },
	{ "sh", "application/x-sh" },
	{ "svg", "image/svg+xml" },
	{ "svgz", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tgz", "application/gzip" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "toml", "application/toml" },
	{ "ts", "video/mp2t" },
	{ "ttc", "font/collection" },
	{ "ttf", "font/ttf" },
	{ "txt", "text/plain" UTF8 },
	{ "vcf", "text/vcard" UTF8 },
	{ "vtt", "text/vtt" UTF8 },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "weba", "audio/webm" },
	{ "webm", "video/webm" },
	{ "webmanifest", "application/manifest+json" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsx",
	    "application/vnd.openxmlformats-officedocument."
	    "spreadsheetml.sheet" },
	{ "xml", "application/xml" },
	{ "xsl", "application/xslt+xml" },
	{ "xslt", "application/xslt+xml" },
	{ "xz", "application/x-xz" },
	{ "yaml", "application/yaml" },
	{ "yml", "application/yaml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

enum { SUFFIX_SIZE = 16 };

static int
compare(const void *suffix, const void *entry)
{
	return strcmp(suffix, ((const struct type *)entry)->suffix);
}

const char *
sh_media_type(const char *name)
{
	const char *slash = name != NULL ? strrchr(name, '/') : NULL;
	const char *base = slash != NULL ? slash + 1 : name;
	const char *dot = base != NULL ? strrchr(base, '.') : NULL;
	const struct type *found = NULL;
	char suffix[SUFFIX_SIZE];
	size_t i;

	/* ".png" is a hidden file without a suffix */
	if (dot != NULL && dot != base && strlen(dot + 1) < sizeof(suffix)) {
		for (i = 0; i <= strlen(dot + 1); i++) {
			char c = dot[1 + i];

			suffix[i] =
			    c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		}
		found = bsearch(suffix, types, SH_ARRAY_LEN(types),
		    sizeof(types[0]), compare);
	}
	return found != NULL ? found->type : "application/octet-stream";
}

static bool
ends_with(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && sh_http_equal(text + len - n, n, end);
}

bool
sh_media_type_is_compressible(const char *type)
{
	static const char *const others[] = { "application/javascript",
		"application/json", "application/json5", "application/rtf",
		"application/toml", "application/vnd.apple.mpegurl",
		"application/vnd.ms-fontobject", "application/wasm",
		"application/x-javascript", "application/x-ndjson",
		"application/x-sh", "application/xml", "application/xml-dtd",
		"application/yaml", "font/collection", "font/otf", "font/ttf",
		"image/bmp", "image/vnd.microsoft.icon", "image/x-icon" };
	size_t i, n;

	if (type == NULL)
		return false;
	type += strspn(type, " \t");
	n = strcspn(type, "; \t");
	if (n > 5 && sh_http_equal(type, 5, "text/"))
		return !sh_http_equal(type, n, "text/event-stream");
	if (ends_with(type, n, "+json") || ends_with(type, n, "+xml"))
		return true;
	for (i = 0; i < SH_ARRAY_LEN(others); i++)
		if (sh_http_equal(type, n, others[i]))
			return true;
	return false;
}
