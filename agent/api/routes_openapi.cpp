// SPDX-License-Identifier: Apache-2.0
#include "api/openapi.h"
#include "api/routes.h"

namespace vigile {

void add_openapi_routes(Router& router) {
  router.add("GET", "/api/openapi.json", [](const Request&) {
    Response response;
    response.body = openapi_document();
    return response;
  });
}

}  // namespace vigile
