//! `GET /v1/models`.

use insta::assert_json_snapshot;

use crate::support::Server;

#[tokio::test]
async fn the_deployed_tasks_are_the_models() {
    let server = Server::default().await;
    let list = server.get("/v1/models").await.steady();
    assert_json_snapshot!("models", list);
    let one = server.get("/v1/models/tickets").await.steady();
    assert!(list["data"].as_array().unwrap().contains(&one));
    server.get("/v1/models/nothing").await.error(404, "model_not_found");
}
