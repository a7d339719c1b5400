-- Twenty headers as a browser sends them, and no two requests alike: user agent, referer, cookie,
-- request id, dates and tags all differ, so neither a cache of whole requests nor one of values can
-- help. The requests are made before the load begins; what is left is one table lookup, paid by
-- the client's core.
local here = debug.getinfo(1, "S").source:sub(2):match("(.*/)")
dofile(here .. "report.lua")

local POOL = 4096
local requests = {}
local at = 0

local function hex(n)
   local t = {}
   for i = 1, n do t[i] = string.format("%x", math.random(0, 15)) end
   return table.concat(t)
end

local function pick(list) return list[math.random(#list)] end

local SYSTEMS = { "X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7" }
local TONGUES = { "en-US", "de-DE", "fr-FR", "es-ES", "pt-BR", "ja-JP", "nl-NL" }

local function make(host, i)
   local chrome = math.random(90, 140)
   local lines = {
      "GET /?n=" .. i .. " HTTP/1.1",
      "Host: " .. host,
      "Connection: keep-alive",
      "Cache-Control: max-age=" .. math.random(0, 9999),
      string.format('sec-ch-ua: "Chromium";v="%d", "Not_A Brand";v="%d"', chrome, math.random(8, 99)),
      "sec-ch-ua-mobile: ?0",
      string.format('sec-ch-ua-platform: "Linux %d"', i),
      "Upgrade-Insecure-Requests: 1",
      string.format("User-Agent: Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML, like Gecko) " ..
         "Chrome/%d.0.%d.%d Safari/537.36", pick(SYSTEMS), chrome, math.random(1000, 9999), i),
      "Accept: text/html,application/xhtml+xml,application/xml;q=0." .. math.random(1, 9) ..
         ",image/avif,image/webp,*/*;q=0." .. math.random(1, 9),
      "Sec-Fetch-Site: same-origin",
      "Sec-Fetch-Mode: navigate",
      "Sec-Fetch-Dest: document",
      string.format("Referer: http://%s/list/%s?page=%d", host, hex(12), i),
      "Accept-Encoding: gzip, deflate, br",
      string.format("Accept-Language: %s,%s;q=0.%d", pick(TONGUES), pick(TONGUES), math.random(1, 9)),
      string.format("Cookie: session=%s; csrftoken=%s; seen=%d", hex(32), hex(24), i),
      'If-None-Match: "' .. hex(16) .. '"',
      string.format("If-Modified-Since: Sat, %02d Mar 2025 %02d:%02d:%02d GMT",
         math.random(1, 28), math.random(0, 23), math.random(0, 59), math.random(0, 59)),
      string.format("X-Request-Id: %s-%s-%06d", hex(8), hex(12), i),
      "X-Csrf-Token: " .. hex(40),
   }
   return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

function init(args)
   math.randomseed(20)
   local host = wrk.host .. ":" .. wrk.port
   for i = 1, POOL do requests[i] = make(host, i) end
end

function request()
   at = at % POOL + 1
   return requests[at]
end
