//! Members: who is invited, accepts, changes and goes, and that an organization keeps an owner (contract 35, 57).

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    engines::on_both_engines,
    product::{Answered, Product, id},
};

const PATH: &str = "/v1/organization/members";

async fn invited(product: &Product, email: &str, role: &str) -> String {
    id(&product.post(PATH, json!({"email": email, "role": role})).await.expect(201))
}

/// The token in the mail of one of a member's invitations.
fn token(product: &Product, member: &str, invitation: u32) -> String {
    let url = product.commands.acceptance_url(member.parse().expect("an id"), invitation);
    let prefix = format!("{}/members/accept/", product.url);
    url.strip_prefix(&prefix).expect("a link").to_owned()
}

/// Without a key: the token is the credential.
async fn accept(product: &Product, token: &str) -> Answered {
    let request = reqwest::Client::new().post(format!("{}{PATH}/accept", product.url));
    product.send(request.json(&json!({"token": token}))).await
}

async fn active(product: &Product, email: &str, role: &str) -> String {
    let member = invited(product, email, role).await;
    accept(product, &token(product, &member, 1)).await.expect(200);
    member
}

async fn owners(product: &Product) -> i64 {
    product.engine.number("SELECT COUNT(*) FROM members WHERE role = 'owner' AND status = 'active'").await
}

async fn page(product: &Product, method: Method, token: &str, languages: &str) -> Answered {
    let request = reqwest::Client::new().request(method, format!("{}/members/accept/{token}", product.url));
    product.send(request.header("Accept-Language", languages).header("Accept", "text/html")).await
}

on_both_engines! {
    async fn a_person_is_invited_accepts_and_leaves(engine: Engine) {
        let product = Product::start(engine).await;
        let body = json!({"email": "Ada@Example.com", "name": "Ada", "role": "admin"});
        let created = product.post(PATH, body).await;
        let member = created.expect(201);
        let (id, path) = (id(&member), format!("{PATH}/{}", id(&member)));
        assert!(id.starts_with("mem_"));
        assert_eq!(created.header("location"), Some(path.as_str()));
        assert_eq!(
            member,
            json!({
                "id": id, "email": "Ada@Example.com", "name": "Ada", "role": "admin", "status": "invited",
                "expiresAt": member["expiresAt"], "createdAt": member["createdAt"], "updatedAt": member["createdAt"],
            })
        );
        assert_eq!(product.get(&path).await.expect(200), member);

        product.engine.hands.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
        let link = token(&product, &id, 1);
        let accepted = accept(&product, &link).await;
        let now = accepted.expect(200);
        assert_eq!((&now["status"], &now["expiresAt"], &now["id"]), (&json!("active"), &Value::Null, &member["id"]));
        assert_eq!(product.get(&path).await.expect(200), now);
        assert_eq!(accept(&product, &link).await.refused(409), "CONFLICT", "a link can be used once");

        let changed = product.patch(&path, json!({"role": "viewer", "name": null, "email": "x"})).await.expect(200);
        assert_eq!((&changed["role"], &changed["name"], &changed["email"]), (&json!("viewer"), &Value::Null, &member["email"]));
        let before = product.engine.number("SELECT position FROM log_head").await;
        assert_eq!(product.patch(&path, json!({"role": "viewer"})).await.expect(200), changed);
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, before);

        // The log holds address and name as ciphertext only.
        let log = product.engine.sql("SELECT data FROM events WHERE stream_id LIKE 'mem%'").await;
        assert_eq!(log.len(), 4);
        assert!(log.iter().all(|row| !row[0].text().contains("\"Ada\"") && !row[0].text().contains("xample.com")), "{log:?}");

        assert_eq!(product.delete(&path).await.status, 204);
        for answer in [product.get(&path).await, product.patch(&path, json!({"role": "x"})).await, product.delete(&path).await] {
            assert_eq!(answer.refused(404), "RESOURCE_NOT_FOUND");
        }
        assert_eq!(accept(&product, &link).await.refused(422), "VALIDATION_ERROR");
        // Who was removed can be invited again, as somebody new.
        assert_ne!(invited(&product, "ada@example.com", "member").await, id);
        assert!(product.engine.store.verify_projections().await.expect("verify").differences.is_empty());
        product.stop().await;
    }

    async fn an_invitation_is_good_for_seven_days_and_until_the_next(engine: Engine) {
        let product = Product::start(engine).await;
        let member = invited(&product, "ada@example.com", "owner").await;
        let (first, second) = (token(&product, &member, 1), token(&product, &member, 2));
        let body = json!({"email": " ADA@example.com ", "role": "admin"});
        let soon = product.post(PATH, body.clone()).await;
        assert_eq!(soon.refused(429), "RATE_LIMITED");
        assert_eq!(soon.header("retry-after"), Some("60"));
        assert_eq!(accept(&product, &second).await.refused(422), "VALIDATION_ERROR", "not invited a second time yet");

        product.engine.hands.advance(TimeDelta::days(7));
        assert_eq!(accept(&product, &first).await.refused(409), "INVITE_EXPIRED");
        let again = product.post(PATH, body).await.expect(200);
        assert_eq!((id(&again), &again["role"], &again["status"]), (member.clone(), &json!("admin"), &json!("invited")));
        assert_eq!(again["email"], "ada@example.com");
        let unknown = accept(&product, &first).await;
        assert_eq!(unknown.refused(422), "VALIDATION_ERROR");
        assert_eq!(unknown.fields(), [("token".to_owned(), "not_found".to_owned())]);
        assert_eq!(accept(&product, &second).await.expect(200)["role"], "admin");
        product.engine.hands.advance(TimeDelta::minutes(2));
        let active = product.post(PATH, json!({"email": "ada@example.com"})).await;
        assert_eq!(active.refused(409), "CONFLICT");

        for nonsense in ["", "mbr_", "inv_x", &member, &first[..20], &format!("{second}A")] {
            assert_eq!(accept(&product, nonsense).await.refused(422), "VALIDATION_ERROR", "{nonsense}");
        }
        let missing = product.send(reqwest::Client::new().post(format!("{}{PATH}/accept", product.url))).await;
        assert_eq!(missing.refused(400), "INVALID_REQUEST");
        // The same person may be a member elsewhere.
        let stranger = product.other_organization().await;
        let request = product.request(Method::POST, PATH, &stranger).json(&json!({"email": "ada@example.com"}));
        let elsewhere = id(&product.send(request).await.expect(201));
        assert_ne!(elsewhere, member);
        assert_eq!(product.get(&format!("{PATH}/{elsewhere}")).await.refused(404), "RESOURCE_NOT_FOUND");
        product.stop().await;
    }

    async fn fields_are_checked(engine: Engine) {
        let product = Product::start(engine).await;
        let bad = product.post(PATH, json!({"email": "ada", "role": "king", "name": "x".repeat(101)})).await;
        assert_eq!(bad.refused(422), "VALIDATION_ERROR");
        let expected = [("email", "invalid_format"), ("name", "too_long"), ("role", "invalid_enum")];
        assert_eq!(bad.fields(), expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
        let bad = product.post(PATH, json!({"role": 1})).await;
        assert_eq!((bad.refused(400).as_str(), bad.fields().len()), ("INVALID_REQUEST", 2));
        let member = invited(&product, "ada@example.com", "member").await;
        let bad = product.patch(&format!("{PATH}/{member}"), json!({"role": null})).await;
        assert_eq!(bad.refused(422), "VALIDATION_ERROR");
        // A repeated POST with a key is one invitation.
        let body = json!({"email": "bob@example.com"});
        let first = product.post_once(PATH, "k", body.clone()).await.expect(201);
        assert_eq!(product.post_once(PATH, "k", body).await.expect(201), first);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM events WHERE type LIKE 'member.%'").await, 2);
        product.stop().await;
    }

    async fn members_are_listed(engine: Engine) {
        let product = Product::start(engine).await;
        for (email, name, role) in [("a@example.com", "Bea", "owner"), ("b@example.com", "ada", "admin"), ("c@example.com", "Ädam", "viewer")] {
            product.post(PATH, json!({"email": email, "name": name, "role": role})).await.expect(201);
            product.engine.hands.advance(TimeDelta::seconds(2));
        }
        let nameless = active(&product, "d@example.com", "admin").await;
        let listed = async |query: &str| {
            let page = product.get(&format!("{PATH}?{query}")).await.expect(200);
            let data = page["data"].as_array().expect("a list");
            let emails: Vec<String> = data.iter().map(|member| member["email"].as_str().expect("one").to_owned()[..1].to_owned()).collect();
            (emails.concat(), page["pagination"]["total"].as_u64().expect("a total"))
        };
        assert_eq!(listed("order=asc").await, ("abcd".to_owned(), 4));
        assert_eq!(listed("").await, ("dcba".to_owned(), 4));
        assert_eq!(listed("limit=2&offset=1&order=asc").await, ("bc".to_owned(), 4));
        assert_eq!(listed("status=active").await, ("d".to_owned(), 1));
        assert_eq!(listed("status=invited&order=asc").await, ("abc".to_owned(), 3));
        assert_eq!(listed("role=admin&order=asc").await, ("bd".to_owned(), 2));
        assert_eq!(listed("search=DA&order=asc").await, ("bc".to_owned(), 2));
        assert_eq!(listed(&format!("after={nameless}&limit=1")).await, ("c".to_owned(), 4));
        assert_eq!(listed("sort=name&order=asc").await.1, 4);
        assert_eq!(product.get(&format!("{PATH}?status=x&role=y&sort=email")).await.refused(400), "INVALID_REQUEST");
        product.stop().await;
    }

    async fn the_last_owner_stays(engine: Engine) {
        let product = Product::start(engine).await;
        let first = active(&product, "a@example.com", "owner").await;
        let waiting = invited(&product, "b@example.com", "owner").await;
        let path = |member: &str| format!("{PATH}/{member}");
        for answer in [product.delete(&path(&first)).await, product.patch(&path(&first), json!({"role": "admin"})).await] {
            assert_eq!(answer.refused(409), "LAST_OWNER");
        }
        product.patch(&path(&first), json!({"role": "owner", "name": "A"})).await.expect(200);
        accept(&product, &token(&product, &waiting, 1)).await.expect(200);
        product.patch(&path(&first), json!({"role": "admin"})).await.expect(200);
        assert_eq!(product.delete(&path(&waiting)).await.refused(409), "LAST_OWNER");
        product.delete(&path(&first)).await.expect(204);
        assert_eq!(owners(&product).await, 1);
        product.stop().await;
    }

    async fn of_owners_who_leave_at_once_the_last_stays(engine: Engine) {
        let product = Arc::new(Product::start(engine).await);
        let other = Arc::new(product.node().await);
        for round in 0..4 {
            let members = join_all((0..3).map(|n| {
                let product = product.clone();
                async move { active(&product, &format!("p{round}{n}@example.com"), "owner").await }
            }))
            .await;
            let everybody: Vec<String> = product.get(&format!("{PATH}?limit=100")).await.expect(200)["data"]
                .as_array().expect("a list").iter().map(id).collect();
            assert!(members.iter().all(|member| everybody.contains(member)));
            let leaving = everybody.iter().enumerate().map(|(n, member)| {
                let (product, base) = (product.clone(), if n % 2 == 0 { product.url.clone() } else { other.url.clone() });
                let url = format!("{base}{PATH}/{member}");
                tokio::spawn(async move {
                    let request = if n % 3 == 0 {
                        product.request(Method::PATCH, "", &product.key).json(&json!({"role": "viewer"}))
                    } else {
                        product.request(Method::DELETE, "", &product.key)
                    };
                    let (client, request) = request.build_split();
                    let mut request = request.expect("a request");
                    *request.url_mut() = url.parse().expect("a URL");
                    client.execute(request).await.expect("an answer").status().as_u16()
                })
            });
            let statuses: Vec<u16> = join_all(leaving).await.into_iter().map(|status| status.expect("no panic")).collect();
            assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 1, "{statuses:?}");
            assert_eq!(owners(&product).await, 1, "{statuses:?}");
            // Those who look on now were owners; they go, so that the next round has owners only.
            let page = product.get(&format!("{PATH}?role=viewer&limit=100")).await.expect(200);
            for viewer in page["data"].as_array().expect("a list") {
                product.delete(&format!("{PATH}/{}", id(viewer))).await.expect(204);
            }
        }
        assert!(product.engine.store.verify_projections().await.expect("verify").differences.is_empty());
    }

    async fn a_person_who_is_invited_at_once_on_two_nodes_is_one_member(engine: Engine) {
        let product = Arc::new(Product::start(engine).await);
        let other = product.node().await;
        let requests = (0..8).map(|n| {
            let base = if n % 2 == 0 { product.url.clone() } else { other.url.clone() };
            let request = reqwest::Client::new().post(format!("{base}{PATH}")).bearer_auth(&product.key);
            tokio::spawn(request.json(&json!({"email": "ada@example.com"})).send())
        });
        let mut statuses: Vec<u16> =
            join_all(requests).await.into_iter().map(|answer| answer.expect("no panic").expect("sent").status().as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 429, 429, 429, 429, 429, 429, 429]);
        assert_eq!(product.engine.number("SELECT COUNT(*) FROM members").await, 1);
    }

    async fn the_page_behind_the_link_accepts_by_its_button_only(engine: Engine) {
        let product = Product::start(engine).await;
        product.patch("/v1/organization", json!({"name": "<b>Acme</b>"})).await.expect(200);
        let member = invited(&product, "ada@example.com", "admin").await;
        let link = token(&product, &member, 1);
        let before = product.engine.number("SELECT position FROM log_head").await;
        let opened = page(&product, Method::GET, &link, "en").await;
        assert_eq!(opened.status, 200);
        assert_eq!(product.engine.number("SELECT position FROM log_head").await, before, "scanners open links, too");
        assert!(opened.text.contains("<form method=\"post\">") && opened.text.contains("Accept the invitation"), "{}", opened.text);
        assert!(opened.text.contains("&lt;b&gt;Acme") && !opened.text.contains("<b>") && opened.text.contains("administrator"));
        assert!(!opened.text.contains("<script") && !opened.text.contains("ada@example.com"));
        let policy = opened.header("content-security-policy").expect("a policy");
        for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!((opened.header("referrer-policy"), opened.header("cache-control")), (Some("no-referrer"), Some("no-store")));
        let arabic = page(&product, Method::GET, &link, "ar, en").await;
        assert!(arabic.text.contains("<html lang=\"ar\" dir=\"rtl\">") && arabic.text.contains("قبول الدعوة"), "{}", arabic.text);

        let accepted = page(&product, Method::POST, &link, "de").await;
        assert_eq!(accepted.status, 200);
        assert!(accepted.text.contains("Sie sind Mitglied") && !accepted.text.contains("<form"), "{}", accepted.text);
        assert_eq!(product.get(&format!("{PATH}/{member}")).await.expect(200)["status"], "active");
        for method in [Method::GET, Method::POST] {
            let again = page(&product, method, &link, "").await;
            assert!(again.status == 200 && again.text.contains("You are a member"), "{}", again.text);
        }

        let late = invited(&product, "bob@example.com", "member").await;
        product.engine.hands.advance(TimeDelta::days(7));
        for method in [Method::GET, Method::POST] {
            let expired = page(&product, method, &token(&product, &late, 1), "fr").await;
            assert!(expired.status == 200 && expired.text.contains("Cette invitation a expiré"), "{}", expired.text);
        }
        assert_eq!(product.get(&format!("{PATH}/{late}")).await.expect(200)["status"], "invited");
        product.delete(&format!("{PATH}/{late}")).await.expect(204);
        for link in [token(&product, &late, 1).as_str(), "mbr_nothing", &member] {
            let unknown = page(&product, Method::POST, link, "en").await;
            assert!(unknown.status == 404 && unknown.text.contains("This link leads nowhere"), "{}", unknown.text);
        }
        product.stop().await;
    }
}
