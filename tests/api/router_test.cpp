// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include <gmock/gmock.h>

#include "api/bearer.h"
#include "api/exposition.h"

namespace vigile {
namespace {

using testing::HasSubstr;

Handler says(const std::string& text) {
  return [text](const Request&) {
    Response response;
    response.body = text;
    return response;
  };
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add("GET", "/things/{id}", says("one"));
    router_.add("GET", "/things/all", says("all"));
    router_.add("DELETE", "/things/{id}", says("gone"));
    router_.add("GET", "/things", says("list"), {.query = {"sort", "limit"}});
    router_.add("POST", "/things/{id}/parts/{part}", says("part"));
  }
  std::string answer(std::string_view method, std::string_view uri) {
    const auto match = router_.find(method, uri);
    if (match.route == nullptr) return std::to_string(match.refusal.status) + " " + match.refusal.body;
    return match.route->handler(match.request).body;
  }
  Router router_;
};

TEST_F(RouterTest, FindsByMethodAndPattern) {
  EXPECT_EQ(answer("GET", "/things"), "list");
  EXPECT_EQ(answer("GET", "/things/7"), "one");
  EXPECT_EQ(answer("HEAD", "/things/7"), "one");
  EXPECT_EQ(answer("DELETE", "/things/7"), "gone");
  EXPECT_EQ(answer("GET", "/things/all"), "all") << "a literal wins";
  EXPECT_EQ(answer("DELETE", "/things/all"), "gone") << "unless it has not the method";
}

TEST_F(RouterTest, ASlashAtTheEndSaysNothing) {
  EXPECT_EQ(answer("GET", "/things/"), "list");
  EXPECT_EQ(answer("GET", "/things/7/"), "one");
  EXPECT_EQ(answer("GET", "/things/?limit=1"), "list");
  Router router;
  router.add("GET", "/api/things/", says("with"));
  EXPECT_NE(router.find("GET", "/api/things").route, nullptr);
  EXPECT_NE(router.find("GET", "/api/things/").route, nullptr);
  EXPECT_EQ(router.find("GET", "/api/things//").route, nullptr);
}

TEST_F(RouterTest, DecodesNamesAndQueries) {
  const auto match = router_.find("POST", "/things/1%2Fcpu/parts/%C3%A9+");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.request.parameter("id"), "1/cpu");
  EXPECT_EQ(match.request.parameter("part"), "é+");
  EXPECT_EQ(match.request.parameter("other"), "");
  const auto query = router_.find("GET", "/things?sort=a+b%26&&limit=13");
  ASSERT_NE(query.route, nullptr);
  EXPECT_EQ(query.request.query_value("sort"), "a b&");
  EXPECT_EQ(*query.request.query_number("limit", 1, 1, 100), 13U);
  EXPECT_EQ(query.request.query_number("limit", 1, 1, 12).error().message,
            "limit: expected a whole number from 1 to 12");
  EXPECT_EQ(*query.request.query_number("none", 5, 1, 12), 5U);
  EXPECT_FALSE(query.request.query_flag("sort", true));
}

TEST_F(RouterTest, RefusesWithAReason) {
  EXPECT_EQ(answer("GET", "/nothing"), "404 {\"error\":\"no such path: /nothing\"}\n");
  EXPECT_THAT(answer("GET", "/things/7//"), HasSubstr("404"));
  EXPECT_THAT(answer("GET", "/things//parts/x"), HasSubstr("404"));
  EXPECT_THAT(answer("GET", "things"), HasSubstr("400"));
  EXPECT_THAT(answer("GET", "/things/%zz"), HasSubstr("400"));
  EXPECT_THAT(answer("GET", "/things/%00"), HasSubstr("400"));
  EXPECT_THAT(answer("GET", "/things/%4"), HasSubstr("400"));
  EXPECT_EQ(answer("GET", "/things?sotr=1"),
            "400 {\"error\":\"unknown query parameter \\\"sotr\\\"; expected sort, limit\"}\n");
  EXPECT_EQ(answer("GET", "/things?limit=1&limit=2"), "400 {\"error\":\"limit: is given twice\"}\n");
  const auto refused = router_.find("PUT", "/things/7");
  EXPECT_EQ(refused.refusal.status, 405);
  EXPECT_THAT(refused.refusal.headers, testing::Contains(testing::Pair("Allow", "DELETE, GET, HEAD")));
}

TEST(Bearer, FitsOnlyTheToken) {
  EXPECT_TRUE(bearer_fits("Bearer s3cret", "s3cret"));
  EXPECT_TRUE(bearer_fits("bearer s3cret", "s3cret")) << "the scheme has no case (RFC 9110)";
  EXPECT_FALSE(bearer_fits("Bearer s3creT", "s3cret"));
  EXPECT_FALSE(bearer_fits("Bearer s3cret2", "s3cret"));
  EXPECT_FALSE(bearer_fits("Bearer s3cre", "s3cret"));
  EXPECT_FALSE(bearer_fits("Basic s3cret", "s3cret"));
  EXPECT_FALSE(bearer_fits("", "s3cret"));
  EXPECT_FALSE(bearer_fits("Bearer ", "")) << "no token is no entry";
}

TEST(ExpositionText, EscapesAndFormats) {
  Exposition page;
  page.family("vigile_x", "gauge", "Some figure.");
  page.sample({{"a", "1\"2\\3\n4"}, {"b", "é"}}, 1.5);
  page.sample({}, 1e9);
  page.single("vigile_y_total", "counter", "Another.", 12345678);
  EXPECT_EQ(page.take(),
            "# HELP vigile_x Some figure.\n# TYPE vigile_x gauge\n"
            "vigile_x{a=\"1\\\"2\\\\3\\n4\",b=\"é\"} 1.5\nvigile_x 1e+09\n"
            "# HELP vigile_y_total Another.\n# TYPE vigile_y_total counter\nvigile_y_total 12345678\n");
}

}  // namespace
}  // namespace vigile
