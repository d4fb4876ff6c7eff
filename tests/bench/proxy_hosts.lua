-- What wrk asks in bench-proxy: in turn of two hosts.
local asked = 0
function init()
    a = wrk.format("GET", "/", { Host = "a.example" })
    b = wrk.format("GET", "/", { Host = "b.example" })
end
function request()
    asked = asked + 1
    return asked % 2 == 0 and a or b
end
-- After so many answers it ends before its time.
local most, answered = tonumber(os.getenv("ANSWERS")), 0
if most then
  function response()
    answered = answered + 1
    if answered == most then wrk.thread:stop() end
  end
end
